/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop: what ends it, what it does not hold up, what cannot be done inside
 * it, and its end. Waits inside continuations are future/await.c's.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"
#include "support/pattern.h"

static struct rig rig;

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

/* Runs the rig's base by either way that takes no future. */
static void run(void)
{
	if (rig.driver == DRIVE_DISPATCH)
		ck_assert_int_ge(event_base_dispatch(rig.base), 0);
	else
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
}

static void count_done(struct af_future *done, void *arg)
{
	(void)done;
	++*(int *)arg;
}

START_TEST(loop_null_is_einval_and_harmless)
{
	af_loop_free(NULL);
	af_loop_stop(NULL);
	ck_assert_int_eq(af_loop_run(NULL), -EINVAL);
	ck_assert_ptr_null(af_loop_base(NULL));
}
END_TEST

START_TEST(version_is_that_of_the_headers)
{
	ck_assert_str_eq(af_version(), AFIO_VERSION);
}
END_TEST

START_TEST(base_borrowed_stays_with_its_owner)
{
	struct event_base *base = event_base_new();
	struct af_loop *loops[2];

	for (int i = 0; i < 2; i++) {
		loops[i] = af_loop_new(base);
		ck_assert_ptr_eq(af_loop_base(loops[i]), base);
	}
	af_loop_free(loops[0]);
	ck_assert_int_eq(af_loop_run(loops[1]), 0);
	af_loop_free(loops[1]);
	ck_assert_int_eq(event_base_dispatch(base), 1);
	event_base_free(base);
}
END_TEST

START_TEST(base_owned_can_be_used)
{
	struct af_loop *loop = af_loop_new(NULL);

	ck_assert_ptr_nonnull(af_loop_base(loop));
	ck_assert_int_eq(event_base_dispatch(af_loop_base(loop)), 1);
	af_loop_free(loop);
}
END_TEST

START_TEST(run_with_nothing_pending_returns)
{
	rig_open(&rig, _i);
	run();
	rig_reader(&rig);
	rig_writer(&rig);
	run();
	rig_close(&rig);
}
END_TEST

/* A file that has been read from does not keep the base busy. */
START_TEST(run_with_idle_files_returns)
{
	int calls = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	af_on_done(read_some(9), count_done, &calls);
	af_on_done(af_file_write(rig_writer(&rig), "abc", 3, 0, NULL),
		   count_done, &calls);
	run();
	ck_assert_int_eq(calls, 2);
	expect_count(&rig, af_file_write(rig.writer, "abc", 3, 0, NULL), 3, 0);
	run();
	expect_text(&rig, read_some(9), "abc", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(run_with_a_deadline_pending_returns_after_it)
{
	int64_t start = now_us();
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = af_file_read(rig.reader, 9, 0, MS(30));
	af_on_done(af_future_ref(f), count_done, &calls);
	run();
	ck_assert_int_eq(calls, 1);
	expect_error(&rig, f, -ETIMEDOUT);
	expect_elapsed(start, 30);
	rig_close(&rig);
}
END_TEST

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	++*(int *)arg;
}

START_TEST(run_waits_for_events_of_the_program)
{
	int fired = 0;

	rig_open(&rig, _i);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, on_timer,
			&fired, MS(20));
	run();
	ck_assert_int_eq(fired, 1);
	rig_close(&rig);
}
END_TEST

static void stop_when_done(struct af_future *done, void *arg)
{
	count_done(done, arg);
	af_loop_stop(rig.loop);
}

START_TEST(stop_ends_a_run_and_the_next_goes_on)
{
	struct af_future *f;
	int stops = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	af_loop_stop(rig.loop); /* no run, no effect */
	af_on_done(af_file_read(rig.reader, 3, AFIO_FULL, NULL), stop_when_done,
		   &stops);
	f = af_file_read(rig.reader, 3, AFIO_FULL, NULL);
	put_text(rig.out, "abc");
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(stops, 1);
	ck_assert(!af_future_is_done(f));
	put_text(rig.out, "def");
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "def");
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static void stop_by_timer(evutil_socket_t fd, short what, void *arg)
{
	on_timer(fd, what, arg);
	if (*(int *)arg == 1)
		af_loop_stop(rig.loop);
	else if (*(int *)arg == 2)
		event_base_loopbreak(af_loop_base(rig.loop));
	else
		event_base_loopexit(af_loop_base(rig.loop), NULL);
}

START_TEST(stop_and_break_and_exit_from_a_timer_end_a_run)
{
	struct af_future *f;
	int fired = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = read_some(9);
	for (int round = 1; round <= 3; round++) {
		event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
				stop_by_timer, &fired, MS(1));
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
		ck_assert_int_eq(fired, round);
		ck_assert(!af_future_is_done(f));
	}
	put_text(rig.out, "abc");
	expect_text(&rig, f, "abc", 0);
	rig_close(&rig);
}
END_TEST

static void stop_twice_and_write(evutil_socket_t fd, short what, void *arg)
{
	on_timer(fd, what, arg);
	af_loop_stop(rig.loop);
	af_loop_stop(rig.loop);
	put_text(rig.out, "abc");
}

START_TEST(stop_lets_an_await_end_in_its_own_time)
{
	struct af_future *f;
	int fired = 0;

	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	rig_reader(&rig);
	f = read_some(9);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			stop_twice_and_write, &fired, MS(1));
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(fired, 1);
	expect_text(&rig, f, "abc", 0);
	rig_close(&rig);
}
END_TEST

static void run_inside(struct af_future *done, void *arg)
{
	(void)done;
	*(int *)arg = af_loop_run(rig.loop);
}

static void run_inside_callback(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(int *)arg = af_loop_run(rig.loop);
}

START_TEST(run_inside_a_continuation_fails_ebusy)
{
	struct af_future *f;
	int error = 0;

	rig_open(&rig, _i);
	f = af_file_write(rig_writer(&rig), "x", 1, 0, NULL);
	af_on_done(af_future_ref(f), run_inside, &error);
	ck_assert_int_eq(drive(&rig, f), 0);
	run();
	ck_assert_int_eq(error, -EBUSY);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(run_inside_a_callback_fails_ebusy)
{
	int error = 0;

	rig_open(&rig, _i);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			run_inside_callback, &error, MS(0));
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(error, -EBUSY);
	rig_close(&rig);
}
END_TEST

/* Continuations that never run out: each makes the next one ready. */
static void again(struct af_future *done, void *arg)
{
	const int *fired = arg;

	(void)done;
	if (*fired < 3)
		af_on_done(af_file_write(rig.writer, NULL, 0, 0, NULL), again,
			   arg);
}

START_TEST(endless_continuations_do_not_hold_up_timers)
{
	int fired = 0;
	struct event *timer;

	rig_open(&rig, _i);
	timer = event_new(af_loop_base(rig.loop), -1, EV_PERSIST, on_timer,
			  &fired);
	rig_reader(&rig);
	rig_writer(&rig);
	event_add(timer, MS(2));
	again(NULL, &fired);
	again(NULL, &fired);
	while (fired < 3) {
		if (rig.driver == DRIVE_DISPATCH)
			event_base_loop(rig.base, EVLOOP_ONCE);
		else
			expect_error(&rig,
				     af_file_read(rig.reader, 9, 0, MS(2)),
				     -ETIMEDOUT);
	}
	event_free(timer);
	run();
	rig_close(&rig);
}
END_TEST

static void stop_endless(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (rig.driver == DRIVE_DISPATCH)
		event_base_loopbreak(rig.base);
	else
		af_loop_stop(rig.loop);
}

START_TEST(endless_continuations_do_not_hold_up_a_stop)
{
	int fired = 0;

	rig_open(&rig, _i);
	rig_writer(&rig);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, stop_endless,
			NULL, MS(5));
	again(NULL, &fired);
	run();
	fired = 3;
	run();
	rig_close(&rig);
}
END_TEST

static void leave_unread(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	++*(int *)arg;
}

static struct af_future *write_again(struct af_future *done, void *arg)
{
	int *left = arg;

	(void)done;
	if ((*left)-- == 0)
		return NULL;
	return af_then(af_file_write(rig.writer, NULL, 0, 0, NULL), write_again,
		       arg);
}

START_TEST(what_stays_readable_does_not_hold_up_continuations)
{
	int left = 2000, seen = 0;
	struct event *event;

	rig_open(&rig, _i);
	put_text(rig.out, "read by nobody");
	event = event_new(af_loop_base(rig.loop), rig.in, EV_READ | EV_PERSIST,
			  leave_unread, &seen);
	event_add(event, NULL);
	rig_writer(&rig);
	expect_count(&rig, write_again(NULL, &left), 0, 0);
	ck_assert_int_gt(seen, 0);
	event_free(event);
	rig_close(&rig);
}
END_TEST

static void free_loop(struct af_future *done, void *arg)
{
	count_done(done, arg);
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

START_TEST(loop_freed_in_a_continuation_ends_the_wait)
{
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	af_on_done(af_file_read(rig.reader, 3, AFIO_FULL, NULL), free_loop,
		   &calls);
	f = read_some(9);
	put_text(rig.out, "abc");
	if (rig.driver == DRIVE_AWAIT)
		ck_assert_int_eq(af_await(f), -ECANCELED);
	else
		run();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static void expect_canceled(struct af_future *f)
{
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
}

static void count_free(void *value)
{
	++*(int *)value;
}

static struct af_future *make_none(void *arg)
{
	ck_abort_msg("called with %p", arg);
	return NULL;
}

static void make_while_freed(struct af_future *done, void *arg)
{
	struct af_loop *loop = af_future_loop(done);
	struct af_future *part = af_future_ref(done);
	int fd = dup(rig.out);

	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	ck_assert_ptr_null(af_loop_base(loop));
	ck_assert_int_eq(af_loop_run(loop), -ECANCELED);
	ck_assert_int_eq(af_loop_dump(loop, stderr), -EINVAL);
	errno = 0;
	ck_assert_ptr_null(af_file_new(loop, fd, 0));
	ck_assert_int_eq(errno, ECANCELED);
	ck_assert_int_eq(close(fd), 0);
	errno = 0;
	ck_assert_ptr_null(af_file_open(loop, "/dev/null", "r"));
	ck_assert_int_eq(errno, ECANCELED);
	errno = 0;
	ck_assert_ptr_null(af_post_handle_new(loop));
	ck_assert_int_eq(errno, ECANCELED);
	expect_canceled(af_future_new(loop, NULL, NULL));
	expect_canceled(af_succeeded(loop, arg, count_free));
	expect_canceled(af_failed(loop, -EIO));
	expect_canceled(af_sleep(loop, MS(0)));
	expect_canceled(af_all(loop, &part, 1));
	expect_canceled(af_map(loop, make_none, NULL, 1, 0));
	expect_canceled(af_file_open_async(loop, "/dev/null", "r"));
	expect_canceled(af_file_read(rig.reader, 1, 0, NULL));
	/* It is under way. */
	af_loop_free(loop);
}

/* The continuations that it runs have a loop with which nothing can be made. */
START_TEST(loop_that_is_being_freed_refuses_all_that_is_new)
{
	int freed = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	af_on_done(read_some(1), make_while_freed, &freed);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(freed, 1);
	rig_close(&rig);
}
END_TEST

static void take_long(struct af_future *done, void *arg)
{
	count_done(done, arg);
	spin(2);
}

/* Longer than a turn may last. */
START_TEST(loop_freed_runs_all_slow_continuations)
{
	int calls = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	for (int i = 0; i < 3; i++)
		af_on_done(read_some(1), take_long, &calls);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(calls, 3);
	rig_close(&rig);
}
END_TEST

START_TEST(two_loops_on_one_base_go_on_together)
{
	struct rig other;
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, WAY(KIND_PIPE, DRIVE_DISPATCH));
	rig_open(&other, WAY(KIND_PIPE, DRIVE_AWAIT));
	af_loop_free(other.loop);
	other.loop = af_loop_new(rig.base);
	rig_reader(&rig);
	rig_reader(&other);
	f = af_file_read(other.reader, 9, 0, NULL);
	af_on_done(af_future_ref(f), count_done, &calls);
	put_text(rig.out, "abc");
	put_text(other.out, "def");
	expect_text(&rig, read_some(9), "abc", 0);
	run();
	ck_assert_int_eq(calls, 1);
	expect_text(&other, f, "def", 0);
	rig_close(&other);
	rig_close(&rig);
}
END_TEST

/* One of several threads, each with a loop of its own. */
static void *echo_in_thread(void *way)
{
	struct rig own;

	rig_open(&own, *(int *)way);
	rig_reader(&own);
	rig_writer(&own);
	for (size_t i = 0; i < 1000; i++) {
		unsigned char byte = pattern_at(i);

		expect_count(&own, af_file_write(own.writer, &byte, 1, 0, NULL),
			     1, 0);
		expect_data_pattern(&own, af_file_read(own.reader, 9, 0, NULL),
				    1, i, 0);
	}
	rig_close(&own);
	return NULL;
}

START_TEST(loops_in_threads_do_not_meet)
{
	pthread_t threads[EVERY_WAY];
	int ways[EVERY_WAY];

	for (int i = 0; i < EVERY_WAY; i++) {
		ways[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						echo_in_thread, &ways[i]),
				 0);
	}
	for (int i = 0; i < EVERY_WAY; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/loop");
	TCase *tc = test_case(s, "base");

/* With each way of waiting, on a pipe. */
#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	tcase_add_test(tc, loop_null_is_einval_and_harmless);
	tcase_add_test(tc, base_borrowed_stays_with_its_owner);
	tcase_add_test(tc, base_owned_can_be_used);
	tcase_add_test(tc, two_loops_on_one_base_go_on_together);
	tcase_add_test(tc, loops_in_threads_do_not_meet);

	tc = test_case(s, "run");
	ADD(run_with_nothing_pending_returns);
	tcase_add_loop_test(tc, run_with_idle_files_returns, 0, EVERY_WAY);
	ADD(run_with_a_deadline_pending_returns_after_it);
	ADD(run_waits_for_events_of_the_program);
	ADD(run_inside_a_continuation_fails_ebusy);
	ADD(run_inside_a_callback_fails_ebusy);
	ADD(endless_continuations_do_not_hold_up_timers);
	ADD(endless_continuations_do_not_hold_up_a_stop);
	ADD(what_stays_readable_does_not_hold_up_continuations);

	tc = test_case(s, "ends");
	ADD(stop_ends_a_run_and_the_next_goes_on);
	ADD(stop_and_break_and_exit_from_a_timer_end_a_run);
	tcase_add_test(tc, stop_lets_an_await_end_in_its_own_time);
	ADD(loop_freed_in_a_continuation_ends_the_wait);
	ADD(loop_that_is_being_freed_refuses_all_that_is_new);
	tcase_add_test(tc, version_is_that_of_the_headers);
	tcase_add_loop_test(tc, loop_freed_runs_all_slow_continuations, 0,
			    DRIVE_COUNT);
	return s;
}
