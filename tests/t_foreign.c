/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of files over a bufferevent that the program made: over a pair of them,
 * which knows no descriptor.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "harness.h"

static struct rig rig;
static struct bufferevent *bevs[2];
static struct af_file *files[2];
static struct af_future *pending;

static void open_pair(int way)
{
	rig_open(&rig, way);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, bevs),
			 0);
	for (int i = 0; i < 2; i++) {
		files[i] = af_file_from_bufferevent(rig.loop, bevs[i], 0);
		ck_assert_ptr_nonnull(files[i]);
	}
}

static void close_pair(void)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		files[i] = NULL;
	}
	rig_close(&rig);
}

START_TEST(write_to_a_pair_arrives_and_is_counted)
{
	const size_t len = 300000;
	char *data = malloc(len);
	struct af_future *written;

	ck_assert_ptr_nonnull(data);
	memset(data, 'x', len - 1);
	data[len - 1] = '\n';
	open_pair(_i);
	written = af_file_write(files[0], data, len, AFIO_FULL, NULL);
	expect_bytes(&rig, af_file_readline(files[1], 0, 0, 0, NULL), data, len,
		     0);
	expect_count(&rig, written, len, 0);
	close_pair();
	free(data);
}
END_TEST

START_TEST(read_from_a_pair_whose_other_end_closed_is_eof)
{
	struct af_future *written;

	open_pair(_i);
	written = af_file_write(files[0], "abc", 3, AFIO_FULL, NULL);
	expect_text(&rig, af_file_read(files[1], 9, 0, NULL), "abc", 0);
	expect_count(&rig, written, 3, 0);
	ck_assert_int_eq(af_file_close(files[0]), 0);
	files[0] = NULL;
	expect_text(&rig, af_file_read(files[1], 0, 0, NULL), "", AFIO_EOF);
	expect_text(&rig, af_file_read(files[1], 9, 0, NULL), "", AFIO_EOF);
	close_pair();
}
END_TEST

START_TEST(read_from_a_pair_past_its_deadline_keeps_what_comes)
{
	struct af_future *written;

	open_pair(_i);
	expect_error(&rig, af_file_read(files[1], 9, 0, MS(5)), -ETIMEDOUT);
	written = af_file_write(files[0], "ab\ncd", 5, AFIO_FULL, NULL);
	expect_text(&rig, af_file_readline(files[1], 0, 0, 0, NULL), "ab\n", 0);
	expect_text(&rig, af_file_read(files[1], 2, AFIO_FULL, NULL), "cd", 0);
	expect_count(&rig, written, 5, 0);
	close_pair();
}
END_TEST

static void await_in_callback(evutil_socket_t fd, short what, void *arg)
{
	int *error = arg;
	struct af_future *f = af_sleep(rig.loop, MS(10000));

	(void)fd;
	(void)what;
	*error = af_await(f);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	af_future_unref(f);
	af_future_cancel(pending);
}

/* A pair cannot leave its base, where the program's events would run, too. */
START_TEST(await_in_a_callback_with_a_pair_pending_is_enotsup)
{
	int error = 0;

	open_pair(_i);
	pending = af_file_read(files[1], 9, 0, NULL);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			await_in_callback, &error, MS(1));
	expect_error(&rig, af_future_ref(pending), -ECANCELED);
	ck_assert_int_eq(error, -ENOTSUP);
	af_future_unref(pending);
	close_pair();
}
END_TEST

static void sleep_in_callback(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f = af_sleep(rig.loop, MS(1));

	(void)fd;
	(void)what;
	*(int *)arg = af_await(f);
	af_future_unref(f);
}

START_TEST(await_in_a_callback_with_an_idle_pair_succeeds)
{
	int error = 1;

	open_pair(_i);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			sleep_in_callback, &error, MS(1));
	if (rig.driver == DRIVE_DISPATCH)
		ck_assert_int_ge(event_base_dispatch(rig.base), 0);
	else
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(error, 0);
	close_pair();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("foreign");
	TCase *tc = test_case(s, "pair");

#define ADD(test) tcase_add_loop_test(tc, test, DRIVE_RUN, DRIVE_COUNT)
	ADD(write_to_a_pair_arrives_and_is_counted);
	ADD(read_from_a_pair_whose_other_end_closed_is_eof);
	ADD(read_from_a_pair_past_its_deadline_keeps_what_comes);
	ADD(await_in_a_callback_with_a_pair_pending_is_enotsup);
	ADD(await_in_a_callback_with_an_idle_pair_succeeds);
	return s;
}
