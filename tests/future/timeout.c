/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_with_timeout() and af_sleep(): which of the two comes first, what is said
 * of it, and what becomes of the other.
 */
#include <errno.h>
#include <limits.h>

#include <event2/event.h>

#include "support/harness.h"

static struct rig rig;
static int cancels;

static void count_cancel(struct af_future *f, void *arg)
{
	(void)f;
	(void)arg;
	cancels++;
}

static struct af_future *make(void)
{
	return af_future_new(rig.loop, count_cancel, NULL);
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	if (arg)
		++*(int *)arg;
	return NULL;
}

/*
 * A future as it is given: p pending, s succeeded, f failed, n failed without
 * a loop, - NULL. What the whole and the future come to.
 */
enum { PENDING = -EINPROGRESS, NO_TIMEOUT = -2 };

static const struct timeout_case {
	char given;
	struct timeval timeout; /* tv_usec NO_TIMEOUT: NULL */
	int error, part_error;
	int at_least_ms;
	bool same; /* the future itself is returned */
} timeout_cases[] = {
	{ 'p', { 0, 0 }, -ETIMEDOUT, -ECANCELED, 0, false },
	{ 'p', { 0, 1 }, -ETIMEDOUT, -ECANCELED, 0, false },
	{ 'p', { 0, 20000 }, -ETIMEDOUT, -ECANCELED, 20, false },
	{ 'p', { -1, 0 }, -EINVAL, PENDING, 0, false },
	{ 'p', { 0, -1 }, -EINVAL, PENDING, 0, false },
	{ 'p', { 0, 1000000 }, -EINVAL, PENDING, 0, false },
	{ 's', { 0, NO_TIMEOUT }, 0, 0, 0, true },
	{ 's', { 0, 0 }, 0, 0, 0, true },
	{ 's', { 10, 0 }, 0, 0, 0, true },
	{ 's', { -1, 0 }, -EINVAL, 0, 0, false },
	{ 'f', { 0, NO_TIMEOUT }, -EIO, -EIO, 0, true },
	{ 'f', { 0, 0 }, -EIO, -EIO, 0, true },
	{ 'f', { 0, -1 }, -EINVAL, -EIO, 0, false },
	{ 'n', { 0, NO_TIMEOUT }, -EINVAL, -EINVAL, 0, true },
	{ 'n', { 0, 1 }, -EINVAL, -EINVAL, 0, true },
	{ '-', { 0, NO_TIMEOUT }, -EINVAL, -EINVAL, 0, false },
	{ '-', { 1, 0 }, -EINVAL, -EINVAL, 0, false },
};
#define TIMEOUT_CASES (int)(sizeof timeout_cases / sizeof *timeout_cases)

static struct af_future *make_given(char given)
{
	struct af_future *f;

	if (given == '-')
		return NULL;
	if (given == 'n')
		return af_file_read(NULL, 0, 0, NULL);
	f = make();
	if (given == 's')
		ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	else if (given == 'f')
		ck_assert_int_eq(af_future_fail(f, -EIO), 0);
	return f;
}

START_TEST(timeout_ends_as_the_table_says)
{
	const struct timeout_case *c = &timeout_cases[_i / DRIVE_COUNT];
	const struct timeval *timeout = &c->timeout;
	struct af_future *given, *f;
	int64_t start = now_us();

	rig_open(&rig, _i % DRIVE_COUNT);
	given = make_given(c->given);
	if (timeout->tv_usec == NO_TIMEOUT)
		timeout = NULL;
	f = af_with_timeout(af_future_ref(given), timeout);
	ck_assert_int_eq(f == given, c->same);
	expect_error(&rig, f, c->error);
	expect_elapsed(start, c->at_least_ms);
	ck_assert_int_eq(af_future_error(given), c->part_error);
	ck_assert_int_eq(cancels, c->part_error == -ECANCELED);
	af_future_unref(given);
	rig_close(&rig);
}
END_TEST

START_TEST(timeout_null_of_pending_is_the_future_itself)
{
	struct af_future *f;

	rig_open(&rig, _i);
	f = make();
	ck_assert_ptr_eq(af_with_timeout(f, NULL), f);
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	expect_error(&rig, f, 0);
	rig_close(&rig);
}
END_TEST

/* Success, failure and cancel in time: the whole says the same. */
START_TEST(future_done_in_time_has_its_own_outcome)
{
	static const int errors[] = { 0, -EIO, -ETIMEDOUT, -ECANCELED };
	struct af_future *given, *f;
	int value, error = errors[_i / DRIVE_COUNT];

	rig_open(&rig, _i % DRIVE_COUNT);
	given = make();
	f = af_with_timeout(af_future_ref(given), MS(60000));
	if (error == 0)
		ck_assert_int_eq(af_future_resolve(given, &value, NULL), 0);
	else if (error == -ECANCELED)
		af_future_cancel(given);
	else
		ck_assert_int_eq(af_future_fail(given, error), 0);
	ck_assert_int_eq(drive(&rig, f), error);
	ck_assert_ptr_eq(af_future_value(f), error ? NULL : &value);
	ck_assert_ptr_eq(af_future_part(f, 0), given);
	ck_assert_ptr_null(af_future_part(f, 1));
	af_future_unref(given);
	af_future_unref(f);
	rig_close(&rig);
	ck_assert_int_eq(cancels, error == -ECANCELED);
}
END_TEST

/* Both have come when the base is looked at, and the bytes are there first. */
START_TEST(timeout_that_comes_with_the_data_loses_the_race)
{
	struct af_future *f;
	int ms = 5;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = af_with_timeout(af_file_read(rig.reader, 9, 0, NULL), MS(ms));
	turn(&rig);
	/* On a busy machine it may be over already. */
	while (af_future_is_done(f)) {
		af_future_unref(f);
		ms *= 2;
		f = af_with_timeout(af_file_read(rig.reader, 9, 0, NULL),
				    MS(ms));
		turn(&rig);
	}
	put_text(rig.out, "abc");
	spin(ms + 15);
	expect_text(&rig, f, "abc", 0);
	rig_close(&rig);
}
END_TEST

static void resolve_and_spin(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ck_assert_int_eq(af_future_resolve(arg, NULL, NULL), 0);
	spin(20);
}

START_TEST(timeout_after_resolve_in_a_callback_loses_the_race)
{
	struct af_future *given, *f;

	rig_open(&rig, _i);
	given = make();
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			resolve_and_spin, given, MS(2));
	f = af_with_timeout(given, MS(10));
	spin(30);
	expect_error(&rig, f, 0);
	rig_close(&rig);
	ck_assert_int_eq(cancels, 0);
}
END_TEST

static void cancel_the_whole(struct af_future *f, void *arg)
{
	count_cancel(f, NULL);
	af_future_cancel(*(struct af_future **)arg);
}

START_TEST(timeout_that_has_the_whole_cancelled_fails_ecanceled)
{
	struct af_future *given, *f;

	rig_open(&rig, _i);
	given = af_future_new(rig.loop, cancel_the_whole, &f);
	f = af_with_timeout(given, MS(5));
	expect_error(&rig, f, -ECANCELED);
	rig_close(&rig);
	ck_assert_int_eq(cancels, 1);
}
END_TEST

START_TEST(timeout_leaves_the_bytes_in_the_file)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = af_file_read(rig.reader, 9, AFIO_FULL, NULL);
	expect_error(&rig, af_with_timeout(f, MS(20)), -ETIMEDOUT);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "abc", 0);
	rig_close(&rig);
}
END_TEST

/* The innermost that runs out is the outcome, through the others. */
START_TEST(timeouts_nest)
{
	struct af_future *f;
	int told = 0;

	rig_open(&rig, _i);
	f = af_with_timeout(af_finally(make(), pass, &told), MS(10));
	f = af_with_timeout(af_finally(f, pass, &told), MS(60000));
	expect_error(&rig, af_finally(f, pass, &told), -ETIMEDOUT);
	ck_assert_int_eq(told, 3);
	f = af_with_timeout(af_finally(make(), pass, &told), MS(60000));
	f = af_with_timeout(af_finally(f, pass, &told), MS(10));
	expect_error(&rig, af_finally(f, pass, &told), -ETIMEDOUT);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(told, 6);
	ck_assert_int_eq(cancels, 2);
	rig_close(&rig);
}
END_TEST

static struct af_future *make_again(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return make();
}

/* The whole chain has so long, whatever its continuations return. */
START_TEST(timeout_bounds_a_chain_under_way)
{
	struct af_future *f;
	int64_t start = now_us();

	rig_open(&rig, _i);
	f = af_then(af_sleep(rig.loop, MS(5)), make_again, NULL);
	expect_error(&rig, af_with_timeout(f, MS(20)), -ETIMEDOUT);
	expect_elapsed(start, 20);
	ck_assert_int_eq(cancels, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(timeout_keeps_going_when_dropped)
{
	struct af_future *given;

	rig_open(&rig, _i);
	given = make();
	af_future_unref(af_with_timeout(af_future_ref(given), MS(10)));
	expect_error(&rig, given, -ECANCELED);
	rig_close(&rig);
}
END_TEST

START_TEST(timeout_pending_ends_with_the_loop)
{
	struct af_future *f, *sleep;

	rig_open(&rig, _i);
	f = af_with_timeout(make(), MS(60000));
	sleep = af_sleep(rig.loop, MS(60000));
	turn(&rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_int_eq(af_future_error(sleep), -ECANCELED);
	ck_assert_int_eq(cancels, 1);
	af_future_unref(f);
	af_future_unref(sleep);
	rig_close(&rig);
}
END_TEST

START_TEST(sleep_ends_after_its_time)
{
	static const int ms[] = { 0, 1, 30 };
	int least = ms[_i / DRIVE_COUNT];
	int64_t start;

	rig_open(&rig, _i % DRIVE_COUNT);
	start = now_us();
	expect_error(&rig, af_sleep(rig.loop, MS(least)), 0);
	expect_elapsed(start, least);
	rig_close(&rig);
}
END_TEST

START_TEST(sleep_of_no_time_is_done_at_once)
{
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, _i);
	f = af_sleep(rig.loop, MS(0));
	ck_assert(af_future_is_done(f));
	f = af_then(f, pass, &calls);
	ck_assert_int_eq(calls, 0);
	expect_error(&rig, f, 0);
	ck_assert_int_eq(calls, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(sleep_of_nonsense_fails_einval)
{
	rig_open(&rig, _i);
	expect_error(&rig, af_sleep(NULL, MS(0)), -EINVAL);
	expect_error(&rig, af_sleep(rig.loop, NULL), -EINVAL);
	expect_error(&rig, af_sleep(rig.loop, &(struct timeval){ -1, 0 }),
		     -EINVAL);
	expect_error(&rig, af_sleep(rig.loop, &(struct timeval){ 0, -1 }),
		     -EINVAL);
	expect_error(&rig, af_sleep(rig.loop, &(struct timeval){ 0, 1000000 }),
		     -EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(sleep_cancelled_ends_earlier)
{
	struct af_future *f;
	int64_t start = now_us();

	rig_open(&rig, _i);
	f = af_sleep(rig.loop, &(struct timeval){ LONG_MAX, 999999 });
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_elapsed(start, 0);
	rig_close(&rig);
}
END_TEST

static int n_woken, woken[5];

static void note_woken(struct af_future *done, void *arg)
{
	(void)done;
	*(int *)arg = ++n_woken;
}

/* Again with longer times if the machine was too busy to begin them together. */
START_TEST(sleeps_end_in_the_order_of_their_times)
{
	static const int order[] = { 3, 0, 4, 1, 2 };
	int64_t since, took;
	int ms = 5;

	rig_open(&rig, _i);
	do {
		ms *= 2;
		n_woken = 0;
		since = now_us();
		for (int i = 0; i < 5; i++)
			af_on_done(af_sleep(rig.loop, MS(5 + ms * order[i])),
				   note_woken, &woken[i]);
		took = now_us() - since;
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	} while (took >= ms * 1000);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(woken[i], order[i] + 1);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/timeout");
	TCase *tc = test_case(s, "with_timeout");

/* With each way of waiting, on a pipe; n variants. */
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(timeout_ends_as_the_table_says, TIMEOUT_CASES);
	ADD(timeout_null_of_pending_is_the_future_itself, 1);
	ADD(future_done_in_time_has_its_own_outcome, 4);
	ADD(timeout_that_comes_with_the_data_loses_the_race, 1);
	ADD(timeout_after_resolve_in_a_callback_loses_the_race, 1);
	ADD(timeout_that_has_the_whole_cancelled_fails_ecanceled, 1);
	ADD(timeout_leaves_the_bytes_in_the_file, 1);
	ADD(timeouts_nest, 1);
	ADD(timeout_bounds_a_chain_under_way, 1);
	ADD(timeout_keeps_going_when_dropped, 1);
	ADD(timeout_pending_ends_with_the_loop, 1);

	tc = test_case(s, "sleep");
	ADD(sleep_ends_after_its_time, 3);
	ADD(sleep_of_no_time_is_done_at_once, 1);
	ADD(sleep_of_nonsense_fails_einval, 1);
	ADD(sleep_cancelled_ends_earlier, 1);
	ADD(sleeps_end_in_the_order_of_their_times, 1);
	return s;
}
