/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures: what they tell, how long what they tell lives, and who owns them.
 * Continuations are chain.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "support/harness.h"
#include "support/pattern.h"

static struct rig rig;

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

START_TEST(future_null_tells_einval)
{
	size_t len = 7;

	ck_assert_ptr_null(af_future_ref(NULL));
	af_future_unref(NULL);
	af_future_cancel(NULL);
	ck_assert_int_eq(af_await(NULL), -EINVAL);
	ck_assert_int_eq(af_future_error(NULL), -EINVAL);
	ck_assert_uint_eq(af_future_flags(NULL), 0);
	ck_assert_ptr_null(af_future_data(NULL, &len));
	ck_assert_uint_eq(len, 7);
	ck_assert_ptr_null(af_future_buffer(NULL));
	ck_assert_uint_eq(af_future_count(NULL), 0);
	ck_assert_int_eq(af_future_status(NULL), -1);
	ck_assert_ptr_null(af_future_output(NULL));
	ck_assert_ptr_null(af_future_value(NULL));
}
END_TEST

/* One that has failed without a loop, and one that succeeded without a value. */
START_TEST(future_of_nothing_has_no_value)
{
	struct af_future *f = af_sleep(NULL, MS(0));

	ck_assert_int_eq(af_future_error(f), -EINVAL);
	ck_assert_ptr_null(af_future_value(f));
	af_future_unref(f);
	rig_open(&rig, DRIVE_AWAIT);
	f = af_sleep(rig.loop, MS(0));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_ptr_null(af_future_value(f));
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(future_pending_tells_nothing)
{
	struct af_future *f;
	size_t len = 7;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = read_some(9);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_uint_eq(af_future_flags(f), 0);
	ck_assert_ptr_null(af_future_data(f, &len));
	ck_assert_uint_eq(len, 7);
	ck_assert_ptr_null(af_future_buffer(f));
	ck_assert_uint_eq(af_future_count(f), 0);
	ck_assert_int_eq(af_future_status(f), -1);
	ck_assert_ptr_null(af_future_output(f));
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(future_of_a_read_tells_no_process)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = read_some(9);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(af_future_status(f), -1);
	ck_assert_ptr_null(af_future_output(f));
	expect_text(&rig, f, "abc", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(future_of_a_write_has_no_data)
{
	struct af_future *f;

	rig_open(&rig, _i);
	f = af_file_write(rig_writer(&rig), "abc", 3, 0, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_ptr_null(af_future_data(f, NULL));
	ck_assert_ptr_null(af_future_buffer(f));
	expect_count(&rig, f, 3, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(data_outlives_file_and_loop)
{
	struct af_future *f;
	size_t len;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = read_some(9);
	ck_assert_int_eq(drive(&rig, f), 0);
	rig_close(&rig);
	ck_assert_str_eq(af_future_data(f, &len), "abc");
	ck_assert_uint_eq(len, 3);
	af_future_unref(f);
}
END_TEST

/* Small results are copied into the buffer, large ones lent to it. */
START_TEST(buffer_moved_outlives_everything)
{
	static const size_t lens[] = { 1, 100, 4096, 70000, 1 << 20 };
	unsigned char *data = malloc(1 << 20);

	pattern_fill(data, 1 << 20, 0);
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		struct evbuffer *own = evbuffer_new();
		struct af_future *f;

		rig_open(&rig, _i);
		rig_reader(&rig);
		feed(&rig, data, lens[i], true);
		f = read_some(0);
		ck_assert_int_eq(drive(&rig, f), 0);
		ck_assert_ptr_nonnull(af_future_buffer(f));
		ck_assert_int_eq(evbuffer_add_buffer(own, af_future_buffer(f)),
				 0);
		/* What was moved away can still be looked at. */
		ck_assert_mem_eq(af_future_data(f, NULL), data, lens[i]);
		ck_assert_uint_eq(af_future_count(f), lens[i]);
		af_future_unref(f);
		rig_close(&rig);
		ck_assert_uint_eq(evbuffer_get_length(own), lens[i]);
		ck_assert_mem_eq(evbuffer_pullup(own, -1), data, lens[i]);
		evbuffer_free(own);
	}
	free(data);
}
END_TEST

START_TEST(buffer_of_nothing_is_empty)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	rig_hang_up(&rig);
	f = read_some(9);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(evbuffer_get_length(af_future_buffer(f)), 0);
	expect_text(&rig, f, "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(unref_of_pending_read_does_not_cancel)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	af_future_unref(af_file_read(rig.reader, 3, AFIO_FULL, NULL));
	put_text(rig.out, "abcdef");
	expect_text(&rig, read_some(9), "def", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(unref_of_pending_write_does_not_cancel)
{
	static unsigned char data[8 << 20];

	pattern_fill(data, sizeof data, 0);
	rig_open(&rig, _i);
	rig_reader(&rig);
	af_future_unref(af_file_write(rig_writer(&rig), data, sizeof data,
				      AFIO_FULL, NULL));
	expect_data_pattern(
		&rig, af_file_read(rig.reader, sizeof data, AFIO_FULL, NULL),
		sizeof data, 0, 0);
	rig_close(&rig);
}
END_TEST

static void count_call(struct af_future *done, void *arg)
{
	ck_assert(af_future_is_done(done));
	++*(int *)arg;
}

START_TEST(await_of_done_runs_nothing)
{
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, _i);
	f = af_file_write(rig_writer(&rig), "x", 1, 0, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	af_on_done(af_future_ref(f), count_call, &calls);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(calls, 0);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(calls, 1);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* A second reference keeps the result; the last one gives it up. */
START_TEST(ref_keeps_the_result)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = read_some(9);
	ck_assert_ptr_eq(af_future_ref(f), f);
	expect_text(&rig, f, "abc", 0);
	expect_text(&rig, f, "abc", 0);
	rig_close(&rig);
}
END_TEST

/* Nobody's loop: the failure is told at once. */
START_TEST(future_without_a_loop_runs_continuations_at_once)
{
	struct af_future *f = af_file_read(NULL, 9, 0, NULL);
	int calls = 0;

	ck_assert(af_future_is_done(f));
	af_on_done(af_future_ref(f), count_call, &calls);
	ck_assert_int_eq(calls, 1);
	af_on_done(f, count_call, &calls);
	ck_assert_int_eq(calls, 2);
	af_on_done(NULL, count_call, &calls);
	ck_assert_int_eq(calls, 3);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/future");
	TCase *tc = test_case(s, "accessors");

/* With each way of waiting, on a pipe. */
#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	tcase_add_test(tc, future_null_tells_einval);
	tcase_add_test(tc, future_of_nothing_has_no_value);
	ADD(future_pending_tells_nothing);
	ADD(future_of_a_read_tells_no_process);
	ADD(future_of_a_write_has_no_data);
	ADD(data_outlives_file_and_loop);
	ADD(buffer_moved_outlives_everything);
	ADD(buffer_of_nothing_is_empty);

	tc = test_case(s, "references");
	ADD(unref_of_pending_read_does_not_cancel);
	ADD(unref_of_pending_write_does_not_cancel);
	ADD(await_of_done_runs_nothing);
	ADD(ref_keeps_the_result);
	tcase_add_test(tc, future_without_a_loop_runs_continuations_at_once);
	return s;
}
