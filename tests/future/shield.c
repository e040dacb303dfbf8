/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shields: every way in which one ends, and that it leaves its source alone and
 * nothing behind.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/harness.h"

static struct rig rig;
static int calls, cancels;
static char value[] = "value";

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

static void count_done(struct af_future *done, void *arg)
{
	calls++;
	*(int *)arg = af_future_error(done);
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	++*(int *)arg;
	return NULL;
}

static void open_rig(int driver)
{
	rig_open(&rig, driver);
	calls = cancels = 0;
}

/* How many wait for what is pending: the lines of the dump, but for its own. */
static int waiters(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int n = 0;

	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	fclose(out);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n += at[1] == ' ';
	free(text);
	return n;
}

START_TEST(shield_has_the_outcome_and_the_result)
{
	struct af_future *f, *shield;

	open_rig(_i);
	f = make();
	shield = af_shield(af_future_ref(f));
	ck_assert_int_eq(af_future_error(shield), -EINPROGRESS);
	af_future_resolve(f, value, NULL);
	expect_error(&rig, af_future_ref(shield), 0);
	ck_assert_ptr_eq(af_future_value(shield), value);
	af_future_unref(shield);
	/* Of one that is done already. */
	shield = af_shield(f);
	expect_error(&rig, af_future_ref(shield), 0);
	ck_assert_ptr_eq(af_future_value(shield), value);
	af_future_unref(shield);
	f = make();
	shield = af_shield(af_future_ref(f));
	af_future_fail(f, -EIO);
	expect_error(&rig, shield, -EIO);
	expect_error(&rig, af_shield(f), -EIO);
	rig_close(&rig);
}
END_TEST

START_TEST(shield_of_a_read_has_its_bytes)
{
	struct af_future *f;

	open_rig(_i);
	rig_reader(&rig);
	f = af_shield(af_shield(af_file_read(rig.reader, 3, 0, NULL)));
	put_text(rig.out, "abc");
	expect_text(&rig, f, "abc", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(shield_canceled_leaves_its_source_alone)
{
	struct af_future *f, *shield;

	open_rig(_i);
	f = make();
	shield = af_shield(af_future_ref(f));
	af_future_cancel(shield);
	ck_assert_int_eq(af_future_error(shield), -ECANCELED);
	af_future_cancel(shield);
	expect_error(&rig, shield, -ECANCELED);
	ck_assert_int_eq(cancels, 0);
	ck_assert_int_eq(waiters(), 0);
	af_future_resolve(f, NULL, NULL);
	expect_error(&rig, f, 0);
	rig_close(&rig);
}
END_TEST

/* Through a chain, and through each group that cancels its parts. */
START_TEST(shield_canceled_from_above_leaves_its_source_alone)
{
	struct af_future *f, *parts[2], *over;
	int n = 0, error = 0;

	open_rig(_i);
	f = make();
	over = af_finally(af_shield(af_future_ref(f)), pass, &n);
	af_future_cancel(over);
	expect_error(&rig, over, -ECANCELED);
	ck_assert_int_eq(n, 1);
	over = af_with_timeout(af_shield(af_future_ref(f)), MS(1));
	expect_error(&rig, over, -ETIMEDOUT);
	for (int i = 0; i < 3; i++) {
		parts[0] = af_shield(af_future_ref(f));
		parts[1] = af_sleep(rig.loop, MS(i));
		over = i == 1 ? af_any(rig.loop, parts, 2)
			      : af_race(rig.loop, parts, 2);
		if (i == 2)
			af_future_cancel(over);
		expect_error(&rig, over, i == 2 ? -ECANCELED : 0);
	}
	ck_assert_int_eq(cancels, 0);
	ck_assert_int_eq(waiters(), 0);
	af_on_done(f, count_done, &error);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(error, -ECANCELED);
	rig_close(&rig);
}
END_TEST

/* A cancel does not take back what is done. */
START_TEST(shield_canceled_when_due_keeps_the_outcome)
{
	struct af_future *f, *shield;
	int n = 0;

	open_rig(_i);
	f = make();
	shield = af_then(af_shield(af_future_ref(f)), pass, &n);
	af_future_resolve(f, value, NULL);
	af_future_cancel(shield);
	expect_error(&rig, af_future_ref(shield), 0);
	ck_assert_ptr_eq(af_future_value(shield), value);
	ck_assert_int_eq(n, 1);
	af_future_unref(shield);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static struct af_future *make_due(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return make();
}

START_TEST(shield_canceled_when_due_cancels_what_its_then_returns)
{
	struct af_future *f, *shield;

	open_rig(_i);
	f = make();
	shield = af_then(af_shield(af_future_ref(f)), make_due, NULL);
	af_future_resolve(f, NULL, NULL);
	af_future_cancel(shield);
	expect_error(&rig, shield, -ECANCELED);
	ck_assert_int_eq(cancels, 1);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* A chain is pending until its continuation has run. */
START_TEST(shield_canceled_over_a_due_chain_fails_ecanceled)
{
	struct af_future *f, *chain, *shield;
	int n = 0;

	open_rig(_i);
	f = make();
	chain = af_then(af_future_ref(f), pass, &n);
	shield = af_shield(af_shield(af_future_ref(chain)));
	af_future_resolve(f, value, NULL);
	af_future_cancel(shield);
	ck_assert_int_eq(af_future_error(shield), -ECANCELED);
	ck_assert_int_eq(n, 0);
	expect_error(&rig, chain, 0);
	ck_assert_int_eq(n, 1);
	af_future_unref(shield);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(shield_dropped_lets_go_of_its_source)
{
	struct af_future *f, *shield;
	int error = 0;

	open_rig(_i);
	f = make();
	shield = af_shield(af_shield(af_future_ref(f)));
	ck_assert_int_eq(waiters(), 2);
	af_future_unref(shield);
	ck_assert_int_eq(waiters(), 0);
	/* With a continuation, it stays. */
	af_on_done(af_shield(af_shield(af_future_ref(f))), count_done, &error);
	ck_assert_int_eq(waiters(), 3);
	af_future_fail(f, -EIO);
	expect_error(&rig, f, -EIO);
	turn(&rig);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(error, -EIO);
	rig_close(&rig);
}
END_TEST

/* First, last, from within, and beside waiters that stay. */
START_TEST(shields_dropped_in_any_order_leave_the_others_in_theirs)
{
	enum { N = 9 };
	static const int strides[] = { 1, 2, 4, 5, 7, 8 };
	struct af_future *f, *shields[N];
	int errors[N + 1] = { 0 }, stride = strides[_i];

	open_rig(DRIVE_AWAIT);
	f = make();
	for (int i = 0; i < N; i++) {
		shields[i] = af_shield(af_future_ref(f));
		if (i % 3 == 1)
			af_on_done(af_future_ref(f), count_done, &errors[i]);
	}
	for (int i = 0; i < N; i++) {
		if (i % 2)
			af_future_cancel(shields[i * stride % N]);
		af_future_unref(shields[i * stride % N]);
		ck_assert_int_eq(waiters(), N - 1 - i + 3);
	}
	shields[0] = af_shield(af_future_ref(f));
	af_on_done(af_future_ref(f), count_done, &errors[N]);
	af_future_fail(f, -EIO);
	expect_error(&rig, shields[0], -EIO);
	af_future_unref(f);
	ck_assert_int_eq(calls, 4);
	for (int i = 1; i <= N; i += 3)
		ck_assert_int_eq(errors[i < N ? i : N], -EIO);
	rig_close(&rig);
}
END_TEST

static void drop(struct af_future *done, void *arg)
{
	(void)done;
	calls++;
	af_future_unref(arg);
}

/* While the waiters of its source run, those before it have gone. */
START_TEST(shield_dropped_by_a_continuation_of_its_source_is_gone)
{
	struct af_future *f, *shields[3];

	open_rig(_i);
	f = make();
	for (int i = 0; i < 3; i++)
		shields[i] = NULL;
	shields[0] = af_shield(af_future_ref(f));
	af_on_done(af_future_ref(f), drop, shields[0]);
	for (int i = 1; i < 3; i++) {
		/* The first is known to the continuation before it. */
		shields[i] = af_shield(af_future_ref(f));
		af_on_done(af_future_ref(f), drop, shields[i]);
	}
	af_future_resolve(f, NULL, NULL);
	expect_error(&rig, f, 0);
	turn(&rig);
	ck_assert_int_eq(calls, 3);
	rig_close(&rig);
}
END_TEST

struct two {
	struct af_future *a, *b;
};

static void drop_two(struct af_future *done, void *arg)
{
	struct two *two = arg;

	(void)done;
	af_future_unref(two->b);
	af_future_cancel(two->a);
}

START_TEST(shields_after_the_running_continuation_can_be_dropped)
{
	struct two two;
	struct af_future *f;
	int error = 0;

	open_rig(_i);
	f = make();
	af_on_done(af_future_ref(f), drop_two, &two);
	two.a = af_shield(af_future_ref(f));
	two.b = af_shield(af_future_ref(f));
	af_on_done(af_future_ref(f), count_done, &error);
	af_future_fail(f, -EIO);
	expect_error(&rig, f, -EIO);
	turn(&rig);
	ck_assert_int_eq(calls, 1);
	/* It was due, and the cancel came too late. */
	ck_assert_int_eq(af_future_error(two.a), -EIO);
	af_future_unref(two.a);
	rig_close(&rig);
}
END_TEST

/* A future that lives as long as the program, in many short races. */
START_TEST(shield_in_ten_thousand_races_leaves_nothing)
{
	struct af_future *quit, *parts[2];
	size_t before = 0;

	open_rig(_i);
	quit = make();
	for (int i = 0; i < 10100; i++) {
		parts[0] = af_shield(af_future_ref(quit));
		parts[1] = af_sleep(rig.loop, MS(0));
		if (i % 3)
			parts[1] = af_then(parts[1], make_due, NULL);
		if (i % 3 == 0) {
			expect_error(&rig, af_race(rig.loop, parts, 2), 0);
		} else {
			struct af_future *f = af_race(rig.loop, parts, 2);

			af_future_cancel(f);
			expect_error(&rig, f, -ECANCELED);
		}
		turn(&rig);
		ck_assert_int_eq(waiters(), 0);
		if (i == 100)
			before = heap_in_use();
	}
	ck_assert_uint_le(heap_in_use(), before + 10000);
	ck_assert(!af_future_is_done(quit));
	af_future_cancel(quit);
	af_future_unref(quit);
	rig_close(&rig);
}
END_TEST

/* On one future at a time, taken off from the front, the back and between. */
START_TEST(hundred_thousand_shields_come_off_in_no_time)
{
	enum { N = 100000 };
	struct af_future *f, **shields = calloc(N, sizeof *shields);
	int64_t since;

	open_rig(DRIVE_AWAIT);
	f = make();
	for (int i = 0; i < N; i++)
		shields[i] = af_shield(af_future_ref(f));
	since = now_us();
	for (int i = 0; i < N; i++)
		af_future_unref(shields[_i == 0	  ? i
					: _i == 1 ? N - 1 - i
						  : (int)(i * 7919L % N)]);
	/* Quadratic would be half an hour. */
	ck_assert_int_lt(now_us() - since, 40000000);
	ck_assert_int_eq(waiters(), 0);
	free(shields);
	af_future_cancel(f);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(shield_ends_with_its_loop)
{
	struct af_future *shield;
	int error = 0;

	open_rig(_i);
	shield = af_shield(make());
	af_on_done(af_shield(af_future_ref(shield)), count_done, &error);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(shield), -ECANCELED);
	ck_assert_int_eq(error, -ECANCELED);
	ck_assert_int_eq(cancels, 1);
	/* Of what is done, without a loop. */
	ck_assert_int_eq(af_future_error(shield = af_shield(shield)),
			 -ECANCELED);
	af_future_unref(shield);
	rig_close(&rig);
}
END_TEST

static struct af_future *await_shield(struct af_future *done, void *arg)
{
	struct af_future **link = arg;
	struct af_future *f = af_shield(af_future_ref(*link));

	(void)done;
	ck_assert_int_eq(af_await(f), -EDEADLK);
	af_future_unref(f);
	return NULL;
}

/* Of the chain whose continuation this is. */
START_TEST(await_of_a_shield_of_the_running_chain_fails_edeadlk)
{
	struct af_future *link, *f;

	open_rig(_i);
	f = make();
	link = af_then(af_future_ref(f), await_shield, &link);
	af_future_resolve(f, NULL, NULL);
	expect_error(&rig, link, 0);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static void *shield_elsewhere(void *arg)
{
	return af_shield(arg);
}

START_TEST(shield_of_nonsense_fails)
{
	struct af_future *f, *failed;
	pthread_t thread;
	void *result;

	open_rig(DRIVE_AWAIT);
	failed = af_shield(NULL);
	ck_assert_int_eq(af_future_error(failed), -EINVAL);
	ck_assert_ptr_eq(af_shield(failed), failed);
	f = make();
	pthread_create(&thread, NULL, shield_elsewhere, f);
	pthread_join(thread, &result);
	ck_assert_int_eq(af_future_error(result), -EPERM);
	af_future_cancel(f);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/shield");
	TCase *tc = test_case(s, "shields");

#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(shield_has_the_outcome_and_the_result);
	ADD(shield_of_a_read_has_its_bytes);
	ADD(shield_canceled_leaves_its_source_alone);
	ADD(shield_canceled_from_above_leaves_its_source_alone);
	ADD(shield_canceled_when_due_keeps_the_outcome);
	ADD(shield_canceled_when_due_cancels_what_its_then_returns);
	ADD(shield_canceled_over_a_due_chain_fails_ecanceled);
	ADD(shield_dropped_lets_go_of_its_source);
	tcase_add_loop_test(
		tc, shields_dropped_in_any_order_leave_the_others_in_theirs, 0,
		6);
	ADD(shield_dropped_by_a_continuation_of_its_source_is_gone);
	ADD(shields_after_the_running_continuation_can_be_dropped);
	ADD(shield_in_ten_thousand_races_leaves_nothing);
	tcase_add_loop_test(tc, hundred_thousand_shields_come_off_in_no_time, 0,
			    3);
	ADD(shield_ends_with_its_loop);
	ADD(await_of_a_shield_of_the_running_chain_fails_edeadlk);
	tcase_add_test(tc, shield_of_nonsense_fails);
	return s;
}
