/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two queues of a file: operations are done in call order, the directions
 * do not wait for each other, and one that is cancelled or times out leaves
 * the others as they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/harness.h"
#include "support/pattern.h"

#define LARGE ((size_t)8 << 20) /* more than any descriptor takes */

static struct rig rig;

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

static struct af_future *read_full(size_t size)
{
	return af_file_read(rig.reader, size, AFIO_FULL, NULL);
}

static void note_order(struct af_future *done, void *arg)
{
	char **next = arg;

	*(*next)++ = *af_future_data(done, NULL);
}

START_TEST(read_queued_are_done_in_call_order)
{
	char order[4] = "", *next = order;

	rig_open(&rig, _i);
	rig_reader(&rig);
	af_on_done(read_full(2), note_order, &next);
	af_on_done(read_full(1), note_order, &next);
	af_on_done(read_some(1), note_order, &next);
	put_text(rig.out, "aabcd");
	expect_text(&rig, read_some(6), "d", 0);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_str_eq(order, "abc");
	rig_close(&rig);
}
END_TEST

START_TEST(read_kinds_queued_share_the_stream)
{
	struct af_future *f[4];

	rig_open(&rig, _i);
	rig_reader(&rig);
	f[0] = af_file_readline(rig.reader, 0, 0, 0, NULL);
	f[1] = read_full(3);
	f[2] = af_file_read_until(rig.reader, "::", 2, 0, 0, NULL);
	f[3] = read_some(0);
	put_text(rig.out, "line\nabcuntil::rest");
	turn(&rig);
	put_text(rig.out, "\nmore");
	rig_hang_up(&rig);
	expect_text(&rig, f[3], "rest\nmore", AFIO_EOF);
	expect_text(&rig, f[2], "until::", 0);
	expect_text(&rig, f[1], "abc", 0);
	expect_text(&rig, f[0], "line\n", 0);
	rig_close(&rig);
}
END_TEST

/* _i is a way and, below it, which of the three is cancelled. */
START_TEST(read_queued_cancelled_leaves_the_others)
{
	struct af_future *f[3];
	const char *text = "aabb", *end = text + 4;

	rig_open(&rig, _i / 3);
	rig_reader(&rig);
	for (int i = 0; i < 3; i++)
		f[i] = read_full(2);
	put_text(rig.out, "a");
	turn(&rig);
	af_future_cancel(f[_i % 3]);
	put_text(rig.out, "abb");
	for (int i = 0; i < 3; i++) {
		if (i == _i % 3) {
			expect_error(&rig, f[i], -ECANCELED);
			continue;
		}
		expect_bytes(&rig, f[i], text, 2, 0);
		text += 2;
	}
	ck_assert_ptr_eq(text, end);
	rig_close(&rig);
}
END_TEST

START_TEST(read_queued_deadline_comes_while_it_waits_its_turn)
{
	struct af_future *first;

	rig_open(&rig, _i);
	rig_reader(&rig);
	first = read_full(6);
	put_text(rig.out, "abc");
	expect_error(&rig, af_file_read(rig.reader, 6, 0, MS(20)), -ETIMEDOUT);
	ck_assert(!af_future_is_done(first));
	put_text(rig.out, "def");
	expect_text(&rig, first, "abcdef", 0);
	rig_close(&rig);
}
END_TEST

static void cancel_itself(struct af_future *done, void *arg)
{
	af_future_cancel(done);
	*(int *)arg = af_future_error(done);
}

START_TEST(read_cancelled_when_done_stays_done)
{
	struct af_future *f;
	int error = 1;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = read_some(6);
	af_on_done(af_future_ref(f), cancel_itself, &error);
	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_cancel(f);
	expect_text(&rig, f, "abc", 0);
	put_text(rig.out, "def");
	expect_text(&rig, read_some(6), "def", 0);
	ck_assert_int_eq(error, 0);
	rig_close(&rig);
}
END_TEST

static void cancel_other(struct af_future *done, void *arg)
{
	(void)done;
	af_future_cancel(arg);
}

START_TEST(read_cancelled_by_a_continuation_fails)
{
	struct af_future *first, *second;

	rig_open(&rig, _i);
	rig_reader(&rig);
	first = read_full(2);
	second = read_full(2);
	af_on_done(first, cancel_other, second);
	put_text(rig.out, "aab");
	expect_error(&rig, second, -ECANCELED);
	expect_text(&rig, read_some(6), "b", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(write_queued_go_out_in_call_order)
{
	unsigned char *data = malloc(LARGE);
	size_t third = LARGE / 3;

	rig_open(&rig, _i);
	rig_reader(&rig);
	pattern_fill(data, LARGE, 0);
	feed(&rig, data, third, false);
	feed(&rig, data + third, third, false);
	feed(&rig, data + 2 * third, LARGE - 2 * third, true);
	expect_data_pattern(&rig, read_some(0), LARGE, 0, AFIO_EOF);
	rig_close(&rig);
	free(data);
}
END_TEST

/* _i is a way and, below it, which of the three is cancelled. */
START_TEST(write_queued_cancelled_leaves_the_others)
{
	unsigned char *data = malloc(LARGE);
	struct af_future *f[3], *all;
	size_t sent = 0, counts[3];

	rig_open(&rig, _i / 3);
	rig_writer(&rig);
	rig_reader(&rig);
	pattern_fill(data, LARGE, 0);
	for (int i = 0; i < 3; i++)
		f[i] = af_file_write(rig.writer, data, LARGE, AFIO_FULL, NULL);
	turn(&rig);
	af_future_cancel(f[_i % 3]);
	all = read_some(0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(drive(&rig, f[i]),
				 i == _i % 3 ? -ECANCELED : 0);
		counts[i] = af_future_count(f[i]);
		ck_assert(counts[i] == LARGE || i == _i % 3);
		ck_assert(counts[i] == 0 || i == 0 || i != _i % 3);
		af_future_unref(f[i]);
	}
	rig_hang_up(&rig);
	ck_assert_int_eq(drive(&rig, all), 0);
	ck_assert_uint_eq(af_future_count(all),
			  counts[0] + counts[1] + counts[2]);
	for (int i = 0; i < 3; sent += counts[i++])
		ck_assert_mem_eq(af_future_data(all, NULL) + sent, data,
				 counts[i]);
	af_future_unref(all);
	rig_close(&rig);
	free(data);
}
END_TEST

START_TEST(write_queued_deadline_comes_while_it_waits_its_turn)
{
	unsigned char *data = malloc(LARGE);

	rig_open(&rig, _i);
	pattern_fill(data, LARGE, 0);
	feed(&rig, data, LARGE, false);
	expect_error(&rig, af_file_write(rig.writer, "b", 1, 0, MS(20)),
		     -ETIMEDOUT);
	expect_error(&rig, af_file_write(rig.writer, "c", 1, 0, MS(0)),
		     -ETIMEDOUT);
	feed(&rig, "d", 1, true);
	rig_reader(&rig);
	expect_data_pattern(&rig, read_full(LARGE), LARGE, 0, 0);
	expect_text(&rig, read_some(0), "d", AFIO_EOF);
	rig_close(&rig);
	free(data);
}
END_TEST

/* Sockets only: each end is both read from and written to. */
START_TEST(read_pending_does_not_hold_up_writes)
{
	struct af_future *reading;
	char byte;

	rig_open(&rig, _i);
	rig_reader(&rig);
	reading = read_some(6);
	expect_count(&rig, af_file_write(rig.reader, "a", 1, 0, NULL), 1, 0);
	ck_assert(!af_future_is_done(reading));
	get(rig.out, &byte, 1);
	put_text(rig.out, "abc");
	expect_text(&rig, reading, "abc", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(write_pending_does_not_hold_up_reads)
{
	unsigned char *data = malloc(LARGE);
	struct af_future *writing;

	rig_open(&rig, _i);
	rig_reader(&rig);
	pattern_fill(data, LARGE, 0);
	writing = af_file_write(rig.reader, data, LARGE, AFIO_FULL, NULL);
	put_text(rig.out, "abc");
	expect_text(&rig, read_some(6), "abc", 0);
	expect_error(&rig, af_file_read(rig.reader, 6, 0, MS(20)), -ETIMEDOUT);
	ck_assert(!af_future_is_done(writing));
	rig_writer(&rig);
	expect_data_pattern(&rig,
			    af_file_read(rig.writer, LARGE, AFIO_FULL, NULL),
			    LARGE, 0, 0);
	expect_count(&rig, writing, LARGE, 0);
	rig_close(&rig);
	free(data);
}
END_TEST

Suite *suite(void)
{
	const int sockets = WAY(KIND_SOCKETPAIR, 0);
	Suite *s = suite_create("file/queue");
	TCase *tc = test_case(s, "read");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(read_queued_are_done_in_call_order);
	ADD(read_kinds_queued_share_the_stream);
	tcase_add_loop_test(tc, read_queued_cancelled_leaves_the_others, 0,
			    3 * EVERY_WAY);
	ADD(read_queued_deadline_comes_while_it_waits_its_turn);
	ADD(read_cancelled_when_done_stays_done);
	ADD(read_cancelled_by_a_continuation_fails);

	tc = test_case(s, "write");
	ADD(write_queued_go_out_in_call_order);
	tcase_add_loop_test(tc, write_queued_cancelled_leaves_the_others, 0,
			    3 * EVERY_WAY);
	ADD(write_queued_deadline_comes_while_it_waits_its_turn);

	tc = test_case(s, "directions");
	tcase_add_loop_test(tc, read_pending_does_not_hold_up_writes, sockets,
			    EVERY_WAY);
	tcase_add_loop_test(tc, write_pending_does_not_hold_up_reads, sockets,
			    EVERY_WAY);
	return s;
}
