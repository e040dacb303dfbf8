/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures that the program ends itself: their value and who frees it, their
 * cancel function, and the order in which both may go.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"

static struct rig rig;
static int frees, cancels, calls;

/* A value that only free_value() frees, so that a leak is one. */
static void *make_value(void)
{
	return strdup("value");
}

static void free_value(void *value)
{
	ck_assert_str_eq(value, "value");
	free(value);
	frees++;
}

static void count_cancel(struct af_future *f, void *arg)
{
	ck_assert(!af_future_is_done(f));
	ck_assert_ptr_eq(arg, &cancels);
	cancels++;
}

static struct af_future *make(void)
{
	return af_future_new(rig.loop, count_cancel, &cancels);
}

static void resolve(struct af_future *f)
{
	ck_assert_int_eq(af_future_resolve(f, make_value(), free_value), 0);
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	calls++;
	return NULL;
}

static void note_error(struct af_future *done, void *arg)
{
	calls++;
	*(int *)arg = af_future_error(done);
}

static void free_loop(void)
{
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

START_TEST(resolve_brings_the_value)
{
	struct af_future *f;

	rig_open(&rig, _i);
	f = make();
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_ptr_null(af_future_value(f));
	resolve(f);
	ck_assert_str_eq(af_future_value(f), "value");
	ck_assert_ptr_null(af_future_data(f, NULL));
	ck_assert_int_eq(af_future_status(f), -1);
	expect_error(&rig, f, 0);
	ck_assert_int_eq(frees, 1);
	rig_close(&rig);
	ck_assert_int_eq(cancels, 0);
}
END_TEST

START_TEST(resolve_without_a_free_function_frees_nothing)
{
	struct af_future *f;
	int value;

	rig_open(&rig, _i);
	f = make();
	ck_assert_int_eq(af_future_resolve(f, &value, NULL), 0);
	ck_assert_ptr_eq(af_future_value(f), &value);
	expect_error(&rig, f, 0);
	f = make();
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	expect_error(&rig, f, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(fail_brings_the_error)
{
	struct af_future *f;

	rig_open(&rig, _i);
	f = af_future_new(rig.loop, NULL, NULL);
	ck_assert_int_eq(af_future_fail(f, -ENOENT), 0);
	ck_assert_ptr_null(af_future_value(f));
	expect_error(&rig, af_then(f, pass, NULL), -ENOENT);
	ck_assert_int_eq(calls, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(end_of_one_that_is_done_fails_ealready)
{
	struct af_future *f;
	int value;

	rig_open(&rig, _i);
	for (int i = 0; i < 3; i++) {
		f = make();
		if (i == 0)
			resolve(f);
		else if (i == 1)
			ck_assert_int_eq(af_future_fail(f, -EIO), 0);
		else
			af_future_cancel(f);
		/* The value stays ours, so this must not be called with it. */
		ck_assert_int_eq(af_future_resolve(f, &value, free_value),
				 -EALREADY);
		ck_assert_int_eq(af_future_fail(f, -EPIPE), -EALREADY);
		af_future_cancel(f);
		ck_assert_int_eq(drive(&rig, f), af_future_error(f));
		af_future_unref(f);
	}
	rig_close(&rig);
	ck_assert_int_eq(frees, 1);
	ck_assert_int_eq(cancels, 1);
}
END_TEST

/* NULL, an operation's future, a chain, a group: none is the program's. */
START_TEST(end_of_others_fails_einval)
{
	struct af_future *others[5], *maker;
	int value;

	rig_open(&rig, _i);
	rig_reader(&rig);
	maker = make();
	others[0] = NULL;
	others[1] = af_file_read(rig.reader, 9, 0, NULL);
	others[2] = af_then(af_future_ref(maker), pass, NULL);
	others[3] = af_all(rig.loop, &maker, 1);
	others[4] = af_sleep(rig.loop, MS(60000));
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(
			af_future_resolve(others[i], &value, free_value),
			-EINVAL);
		ck_assert_int_eq(af_future_fail(others[i], -EIO), -EINVAL);
		ck_assert(!af_future_is_done(others[i]));
		af_future_unref(others[i]);
	}
	rig_close(&rig);
	ck_assert_int_eq(frees, 0);
}
END_TEST

START_TEST(fail_with_no_error_fails_einval)
{
	static const int errors[] = { 0, 1, EIO, -EINPROGRESS };
	struct af_future *f;

	rig_open(&rig, _i);
	f = make();
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(af_future_fail(f, errors[i]), -EINVAL);
	ck_assert(!af_future_is_done(f));
	resolve(f);
	expect_error(&rig, f, 0);
	rig_close(&rig);
}
END_TEST

static void new_on_freed(struct af_future *done, void *arg)
{
	struct af_future *f = af_future_new(arg, count_cancel, &cancels);

	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	calls++;
}

START_TEST(new_without_a_living_loop_fails)
{
	struct af_future *f = af_future_new(NULL, count_cancel, &cancels);

	ck_assert_int_eq(af_future_error(f), -EINVAL);
	af_future_unref(f);
	rig_open(&rig, _i);
	af_on_done(make(), new_on_freed, rig.loop);
	free_loop();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(cancels, 1);
	rig_close(&rig);
}
END_TEST

/* The ways to an end of a value: who holds it last. */
enum {
	HELD_BY_FUTURE,
	HELD_BY_NOBODY,
	HELD_BY_CHAIN,
	HELD_BY_GROUP,
	HELD_BY_BOTH,
	HELD_PAST_LOOP,
	HELD_COUNT
};

START_TEST(value_is_freed_once_when_its_last_holder_goes)
{
	int by = _i / DRIVE_COUNT;
	struct af_future *f, *held;

	rig_open(&rig, _i % DRIVE_COUNT);
	f = make();
	held = af_future_ref(f);
	if (by == HELD_BY_NOBODY)
		held = (af_future_unref(held), NULL);
	else if (by == HELD_BY_CHAIN || by == HELD_PAST_LOOP)
		held = af_catch(af_then(held, pass, NULL), pass, NULL);
	else if (by == HELD_BY_GROUP)
		held = af_race(rig.loop, &held, 1);
	else if (by == HELD_BY_BOTH)
		held = af_then(af_future_ref(held), pass, NULL);
	resolve(f);
	af_future_unref(f);
	ck_assert_int_eq(frees, by == HELD_BY_NOBODY);
	if (held)
		ck_assert_int_eq(drive(&rig, held), 0);
	if (held)
		ck_assert_str_eq(af_future_value(held), "value");
	if (by == HELD_PAST_LOOP) {
		free_loop();
		ck_assert_str_eq(af_future_value(held), "value");
	}
	if (by == HELD_BY_BOTH)
		af_future_unref(f);
	ck_assert_int_eq(frees, by == HELD_BY_NOBODY);
	af_future_unref(held);
	ck_assert_int_eq(frees, 1);
	rig_close(&rig);
	ck_assert_int_eq(frees, 1);
}
END_TEST

static struct af_future *maker;

/* What a cancel function does besides, or the free function. */
enum { ACT_RESOLVE, ACT_FAIL, ACT_CANCEL, ACT_FREE_LOOP, ACT_UNREF, ACT_COUNT };

static void act(struct af_future *f, void *arg)
{
	cancels++;
	switch (*(int *)arg) {
	case ACT_RESOLVE:
		resolve(f);
		break;
	case ACT_FAIL:
		ck_assert_int_eq(af_future_fail(f, -EIO), 0);
		break;
	case ACT_CANCEL:
		af_future_cancel(f);
		break;
	case ACT_FREE_LOOP:
		free_loop();
		break;
	default:
		maker = (af_future_unref(maker), NULL);
	}
}

/* It may end the future in its own way, and whatever it does runs once. */
START_TEST(cancel_function_acts_and_is_called_once)
{
	static const int errors[] = { 0, -EIO, -ECANCELED, -ECANCELED,
				      -ECANCELED };
	int what = _i / DRIVE_COUNT, error = 1;

	rig_open(&rig, _i % DRIVE_COUNT);
	maker = af_future_new(rig.loop, act, &what);
	af_on_done(af_finally(af_future_ref(maker), pass, NULL), note_error,
		   &error);
	af_future_cancel(maker);
	af_future_cancel(maker);
	if (rig.loop) {
		turn(&rig);
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	}
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(error, errors[what]);
	if (maker)
		ck_assert_int_eq(af_future_error(maker), error);
	ck_assert_int_eq(cancels, 1);
	af_future_unref(maker);
	rig_close(&rig);
	ck_assert_int_eq(frees, what == ACT_RESOLVE);
}
END_TEST

static void free_value_and_loop(void *value)
{
	free_value(value);
	free_loop();
}

/* Held by itself, by the end of a chain, by a group. */
START_TEST(free_function_may_free_the_loop)
{
	struct af_future *f;

	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	f = af_future_new(rig.loop, NULL, NULL);
	ck_assert_int_eq(
		af_future_resolve(f, make_value(), free_value_and_loop), 0);
	if (_i == 1)
		f = af_then(f, pass, NULL);
	else if (_i == 2)
		f = af_race(rig.loop, &f, 1);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	ck_assert_int_eq(frees, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(pending_future_lives_without_references)
{
	int error = 1;

	rig_open(&rig, _i);
	maker = make();
	af_on_done(af_then(maker, pass, NULL), note_error, &error);
	turn(&rig);
	ck_assert_int_eq(calls, 0);
	resolve(maker);
	turn(&rig);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(frees, 1);
	/* And with nobody to be told. */
	af_future_unref(maker = make());
	resolve(maker);
	ck_assert_int_eq(frees, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(pending_future_ends_with_the_loop)
{
	struct af_future *f;
	int error = 1;

	rig_open(&rig, _i);
	f = make();
	af_future_unref(make());
	af_on_done(af_finally(af_future_ref(f), pass, NULL), note_error,
		   &error);
	turn(&rig);
	free_loop();
	ck_assert_int_eq(error, -ECANCELED);
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(cancels, 2);
	ck_assert_int_eq(af_future_resolve(f, NULL, free_value), -EALREADY);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static void resolve_posted(void *arg)
{
	resolve(arg);
}

static void *post_resolve(void *arg)
{
	ck_assert_int_eq(af_loop_post(rig.loop, resolve_posted, arg), 0);
	return NULL;
}

static void keep(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* The one way from another thread, while the loop sleeps. */
START_TEST(resolve_from_a_post_wakes_the_loop)
{
	struct event *timer = NULL;
	struct af_future *f;
	pthread_t thread;

	rig_open(&rig, _i);
	/* The program's own dispatch is kept by an event of the program. */
	if (rig.base) {
		timer = evtimer_new(rig.base, keep, NULL);
		ck_assert_int_eq(event_add(timer, MS(60000)), 0);
	}
	f = make();
	ck_assert_int_eq(pthread_create(&thread, NULL, post_resolve, f), 0);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_str_eq(af_future_value(f), "value");
	af_future_unref(f);
	if (timer)
		event_free(timer);
	rig_close(&rig);
	ck_assert_int_eq(frees, 1);
}
END_TEST

START_TEST(succeeded_has_the_value_and_frees_it_once)
{
	struct af_future *f;

	rig_open(&rig, _i);
	frees = calls = 0;
	f = af_succeeded(rig.loop, make_value(), free_value);
	ck_assert(af_future_is_done(f));
	ck_assert_str_eq(af_future_value(f), "value");
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), -EALREADY);
	ck_assert_int_eq(af_future_fail(f, -EIO), -EALREADY);
	/* Its continuation does not run inside the call. */
	f = af_then(f, pass, NULL);
	ck_assert_int_eq(calls, 0);
	expect_error(&rig, af_future_ref(f), 0);
	ck_assert_int_eq(calls, 1);
	ck_assert_str_eq(af_future_value(f), "value");
	ck_assert_int_eq(frees, 0);
	af_future_unref(f);
	ck_assert_int_eq(frees, 1);
	expect_error(&rig, af_succeeded(rig.loop, NULL, NULL), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(failed_has_the_error)
{
	static const int errors[] = { -EIO, -ENOMEM, -ECANCELED, -EPERM };
	static const int nonsense[] = { 0, 1, EIO, -EINPROGRESS };
	struct af_future *f;

	rig_open(&rig, _i);
	for (size_t i = 0; i < 4; i++) {
		calls = 0;
		f = af_failed(rig.loop, errors[i]);
		ck_assert_ptr_eq(af_future_loop(f), rig.loop);
		f = af_catch(f, pass, NULL);
		ck_assert_int_eq(calls, 0);
		expect_error(&rig, f, errors[i]);
		ck_assert_int_eq(calls, 1);
		expect_error(&rig, af_failed(rig.loop, nonsense[i]), -EINVAL);
	}
	rig_close(&rig);
}
END_TEST

static void *make_elsewhere(void *arg)
{
	struct af_future **futures = arg;

	futures[0] = af_succeeded(rig.loop, make_value(), free_value);
	futures[1] = af_failed(rig.loop, -EIO);
	return NULL;
}

static void make_late(struct af_future *done, void *arg)
{
	(void)done;
	make_elsewhere(arg);
}

/* The value is freed at once. */
START_TEST(done_without_a_living_loop_fails)
{
	struct af_future *futures[2];
	pthread_t thread;

	rig_open(&rig, DRIVE_AWAIT);
	frees = 0;
	expect_error(&rig, af_succeeded(NULL, make_value(), free_value),
		     -EINVAL);
	ck_assert_int_eq(frees, 1);
	expect_error(&rig, af_succeeded(NULL, futures, NULL), -EINVAL);
	expect_error(&rig, af_failed(NULL, -EIO), -EINVAL);
	pthread_create(&thread, NULL, make_elsewhere, futures);
	pthread_join(thread, NULL);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_future_error(futures[i]), -EPERM);
	ck_assert_int_eq(frees, 2);
	af_on_done(af_future_new(rig.loop, NULL, NULL), make_late, futures);
	free_loop();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_future_error(futures[i]), -ECANCELED);
	ck_assert_int_eq(frees, 3);
	rig_close(&rig);
}
END_TEST

/* The reading end of a pipe, whose other end sees it close. */
static struct af_file *open_file(int *ret_out)
{
	struct af_file *file;
	int fds[2];

	make_pair(KIND_PIPE, fds);
	*ret_out = fds[1];
	file = af_file_new(rig.loop, fds[0], 0);
	ck_assert_ptr_nonnull(file);
	return file;
}

START_TEST(resolve_file_brings_a_file_once)
{
	struct af_file *file;
	struct af_future *f, *chain;
	int out;

	rig_open(&rig, _i);
	file = open_file(&out);
	f = make();
	ck_assert_ptr_null(af_future_take_file(f));
	ck_assert_int_eq(af_future_resolve_file(f, file), 0);
	ck_assert_int_eq(af_future_resolve_file(f, file), -EALREADY);
	ck_assert_ptr_null(af_future_value(f));
	chain = af_then(f, pass, NULL);
	ck_assert_int_eq(drive(&rig, chain), 0);
	ck_assert_ptr_eq(af_future_take_file(chain), file);
	ck_assert_ptr_null(af_future_take_file(chain));
	af_future_unref(chain);
	put_text(out, "x");
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "x", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	close(out);
	rig_close(&rig);
}
END_TEST

START_TEST(resolve_file_that_nobody_takes_closes_it)
{
	struct pollfd gone = { .events = POLLOUT };
	struct af_future *f;

	rig_open(&rig, _i);
	f = make();
	ck_assert_int_eq(af_future_resolve_file(f, open_file(&gone.fd)), 0);
	poll(&gone, 1, 0);
	ck_assert_int_eq(gone.revents & POLLERR, 0);
	expect_error(&rig, f, 0);
	poll(&gone, 1, 0);
	ck_assert_int_ne(gone.revents & POLLERR, 0);
	close(gone.fd);
	rig_close(&rig);
}
END_TEST

START_TEST(resolve_file_of_others_leaves_the_file)
{
	struct af_future *sleep, *f;
	struct af_file *file;
	int out;

	rig_open(&rig, _i);
	file = open_file(&out);
	f = make();
	ck_assert_int_eq(af_future_resolve_file(f, NULL), -EINVAL);
	ck_assert_int_eq(af_future_resolve_file(NULL, file), -EINVAL);
	sleep = af_sleep(rig.loop, MS(10000));
	ck_assert_int_eq(af_future_resolve_file(sleep, file), -EINVAL);
	af_future_cancel(sleep);
	af_future_unref(sleep);
	af_future_cancel(f);
	ck_assert_int_eq(af_future_resolve_file(f, file), -EALREADY);
	af_future_unref(f);
	ck_assert_int_eq(af_file_close(file), 0);
	close(out);
	rig_close(&rig);
}
END_TEST

START_TEST(fail_text_brings_error_and_text)
{
	char text[] = "host: why";
	struct af_future *f, *chain;

	rig_open(&rig, _i);
	f = make();
	ck_assert_str_eq(af_connect_error(f), "");
	ck_assert_int_eq(af_future_fail_text(f, 0, text), -EINVAL);
	ck_assert_int_eq(af_future_fail_text(f, -EINPROGRESS, text), -EINVAL);
	ck_assert_int_eq(af_future_fail_text(f, -EACCES, text), 0);
	ck_assert_int_eq(af_future_fail_text(f, -EACCES, text), -EALREADY);
	ck_assert_int_eq(af_future_fail_text(NULL, -EACCES, text), -EINVAL);
	memset(text, 'x', sizeof text - 1);
	ck_assert_str_eq(af_connect_error(f), "host: why");
	chain = af_then(f, pass, NULL);
	ck_assert_int_eq(drive(&rig, chain), -EACCES);
	ck_assert_str_eq(af_connect_error(chain), "host: why");
	af_future_unref(chain);
	f = make();
	ck_assert_int_eq(af_future_fail_text(f, -EIO, NULL), 0);
	ck_assert_str_eq(af_connect_error(f), "");
	expect_error(&rig, f, -EIO);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/promise");
	TCase *tc = test_case(s, "ends");

/* With each way of waiting, on a pipe; n variants. */
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(resolve_brings_the_value, 1);
	ADD(resolve_without_a_free_function_frees_nothing, 1);
	ADD(fail_brings_the_error, 1);
	ADD(end_of_one_that_is_done_fails_ealready, 1);
	ADD(end_of_others_fails_einval, 1);
	ADD(fail_with_no_error_fails_einval, 1);
	ADD(new_without_a_living_loop_fails, 1);
	ADD(resolve_from_a_post_wakes_the_loop, 1);
	ADD(resolve_file_brings_a_file_once, 1);
	ADD(resolve_file_that_nobody_takes_closes_it, 1);
	ADD(resolve_file_of_others_leaves_the_file, 1);
	ADD(fail_text_brings_error_and_text, 1);

	tc = test_case(s, "ownership");
	ADD(value_is_freed_once_when_its_last_holder_goes, HELD_COUNT);
	tcase_add_loop_test(tc, free_function_may_free_the_loop, 0, 3);
	ADD(cancel_function_acts_and_is_called_once, ACT_COUNT);
	ADD(pending_future_lives_without_references, 1);
	ADD(pending_future_ends_with_the_loop, 1);
	tc = test_case(s, "done already");
	tcase_add_loop_test(tc, succeeded_has_the_value_and_frees_it_once, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, failed_has_the_error, 0, DRIVE_COUNT);
	tcase_add_test(tc, done_without_a_living_loop_fails);
	return s;
}
