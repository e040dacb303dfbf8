/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_file_read(): every row of its outcome table on every kind of descriptor
 * and with every way of waiting, and its deadlines. Queues are tested in
 * queue.c, large amounts in large_transfers.c.
 */
#include <errno.h>
#include <sys/socket.h>

#include "support/harness.h"
#include "support/pattern.h"

static struct rig rig;

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

static struct af_future *read_full(size_t size, const struct timeval *timeout)
{
	return af_file_read(rig.reader, size, AFIO_FULL, timeout);
}

START_TEST(read_data_there_succeeds_with_at_most_size)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "hello");
	expect_text(&rig, read_some(3), "hel", 0);
	expect_text(&rig, read_some(100), "lo", 0);
	rig_close(&rig);
}
END_TEST

/* Small ones are kept in another place; whether asked for before or after. */
START_TEST(read_of_any_size_succeeds_with_just_that)
{
	enum { LONGEST = 300 };
	char data[2 * LONGEST];
	struct af_future *f;

	pattern_fill(data, sizeof data, 0);
	rig_open(&rig, _i);
	rig_reader(&rig);
	for (size_t n = 1; n <= LONGEST; n++) {
		f = read_full(n, NULL);
		put(rig.out, data, 2 * n);
		expect_bytes(&rig, f, data, n, 0);
		expect_bytes(&rig, read_full(n, NULL), data + n, n, 0);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(read_data_later_succeeds_with_it)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = read_some(100);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_uint_eq(af_future_flags(f), 0);
	ck_assert_ptr_null(af_future_data(f, NULL));
	put_text(rig.out, "hello");
	expect_text(&rig, f, "hello", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_full_succeeds_with_exactly_size)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = read_full(6, NULL);
	put_text(rig.out, "abc");
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	put_text(rig.out, "defgh");
	expect_text(&rig, f, "abcdef", 0);
	expect_text(&rig, read_full(2, NULL), "gh", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_full_at_eof_succeeds_with_part_and_eof)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	expect_text(&rig, read_full(6, NULL), "abc", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(read_all_at_eof_succeeds_with_data_and_eof)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	expect_text(&rig, read_some(0), "abc", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(read_some_before_eof_succeeds_without_eof)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	expect_text(&rig, read_some(6), "abc", 0);
	expect_text(&rig, read_some(6), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(read_full_of_all_before_eof_succeeds_without_eof)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	expect_text(&rig, read_full(3, NULL), "abc", 0);
	expect_text(&rig, read_full(3, NULL), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(read_after_eof_succeeds_with_nothing_and_eof)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	rig_hang_up(&rig);
	for (int i = 0; i < 3; i++) {
		expect_text(&rig, read_some(6), "", AFIO_EOF);
		expect_text(&rig, read_some(0), "", AFIO_EOF);
		expect_text(&rig, read_full(6, NULL), "", AFIO_EOF);
		expect_text(&rig, read_full(6, MS(0)), "", AFIO_EOF);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(read_full_at_deadline_succeeds_with_part_and_timedout)
{
	int64_t start = now_us();

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	expect_text(&rig, read_full(6, MS(30)), "abc", AFIO_TIMEDOUT);
	expect_elapsed(start, 30);
	put_text(rig.out, "def");
	expect_text(&rig, read_some(6), "def", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_all_at_deadline_succeeds_with_part_and_timedout)
{
	int64_t start = now_us();

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	expect_text(&rig, af_file_read(rig.reader, 0, 0, MS(30)), "abc",
		    AFIO_TIMEDOUT);
	expect_elapsed(start, 30);
	rig_close(&rig);
}
END_TEST

START_TEST(read_nothing_at_deadline_fails_timedout)
{
	int64_t start;

	rig_open(&rig, _i);
	rig_reader(&rig);
	start = now_us();
	expect_error(&rig, af_file_read(rig.reader, 6, 0, MS(30)), -ETIMEDOUT);
	expect_elapsed(start, 30);
	start = now_us();
	expect_error(&rig, read_full(6, MS(30)), -ETIMEDOUT);
	expect_elapsed(start, 30);
	put_text(rig.out, "abc");
	expect_text(&rig, read_some(6), "abc", 0);
	rig_close(&rig);
}
END_TEST

/* The bytes "abc" and then ECONNRESET, for a socket's reading end. */
static void put_abc_and_reset(void)
{
	struct linger linger = { .l_onoff = 1 };

	put_text(rig.out, "abc");
	if (rig.kind == KIND_SOCKETPAIR)
		put(rig.in, "x", 1);
	else
		setsockopt(rig.out, SOL_SOCKET, SO_LINGER, &linger,
			   sizeof linger);
	rig_hang_up(&rig);
}

/* A plain read after it: the data, and what comes behind them. */
static void expect_abc_and_then_a_reset(void)
{
	expect_text(&rig, read_some(6), "abc", AFIO_ERROR);
	expect_error(&rig, read_some(6), -ECONNRESET);
	expect_text(&rig, read_some(6), "", AFIO_EOF);
}

START_TEST(read_full_error_after_data_fails_and_leaves_the_data)
{
	rig_open(&rig, _i);
	put_abc_and_reset();
	rig_reader(&rig);
	expect_error(&rig, read_full(6, NULL), -ECONNRESET);
	expect_error(&rig, read_full(6, NULL), -ECONNRESET);
	expect_abc_and_then_a_reset();
	rig_close(&rig);
}
END_TEST

START_TEST(read_all_error_after_data_fails_and_leaves_the_data)
{
	rig_open(&rig, _i);
	put_abc_and_reset();
	rig_reader(&rig);
	expect_error(&rig, read_some(0), -ECONNRESET);
	expect_abc_and_then_a_reset();
	rig_close(&rig);
}
END_TEST

/* What the error was behind is enough for another operation. */
START_TEST(read_full_of_what_is_before_the_error_succeeds)
{
	rig_open(&rig, _i);
	put_abc_and_reset();
	rig_reader(&rig);
	expect_error(&rig, read_full(6, NULL), -ECONNRESET);
	expect_text(&rig, read_full(3, NULL), "abc", 0);
	expect_error(&rig, read_full(3, NULL), -ECONNRESET);
	rig_close(&rig);
}
END_TEST

/* The kernel reports it once, and here to the write: it is no clean end. */
START_TEST(read_after_a_write_that_saw_the_reset_fails_once)
{
	struct af_future *f;
	int r;

	rig_open(&rig, _i);
	put_abc_and_reset();
	rig_reader(&rig);
	/* Until the reset has arrived, the kernel takes what is written. */
	do {
		f = af_file_write(rig.reader, "x", 1, 0, NULL);
		r = drive(&rig, f);
		af_future_unref(f);
	} while (r == 0);
	ck_assert_int_eq(r, -EPIPE);
	expect_text(&rig, read_some(9), "abc", 0);
	expect_error(&rig, read_some(9), -ECONNRESET);
	expect_text(&rig, read_some(9), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(read_cancelled_fails_and_leaves_bytes)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = read_full(6, NULL);
	put_text(rig.out, "abc");
	turn(&rig);
	af_future_cancel(f);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_text(&rig, read_some(6), "abc", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_zero_timeout_takes_what_is_there)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	expect_error(&rig, af_file_read(rig.reader, 6, 0, MS(0)), -ETIMEDOUT);
	expect_error(&rig, af_file_read(rig.reader, 0, 0, MS(0)), -ETIMEDOUT);
	expect_error(&rig, read_full(6, MS(0)), -ETIMEDOUT);
	put_text(rig.out, "abc");
	expect_text(&rig, af_file_read(rig.reader, 6, 0, MS(0)), "abc", 0);
	put_text(rig.out, "abc");
	expect_text(&rig, af_file_read(rig.reader, 0, 0, MS(0)), "abc",
		    AFIO_TIMEDOUT);
	put_text(rig.out, "abc");
	expect_text(&rig, read_full(6, MS(0)), "abc", AFIO_TIMEDOUT);
	put_text(rig.out, "abcdef");
	expect_text(&rig, read_full(6, MS(0)), "abcdef", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_deadline_past_before_the_loop_runs_fails_timedout)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = af_file_read(rig.reader, 6, 0, MS(10));
	spin(20);
	expect_error(&rig, f, -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

static struct af_future *spin_and_read(struct af_future *done, void *start)
{
	(void)done;
	spin(60);
	*(int64_t *)start = now_us();
	return af_file_read(rig.reader, 6, 0, MS(40));
}

/* libevent's idea of now is 60 ms old where the deadline is set. */
START_TEST(read_deadline_set_late_in_a_callback_is_whole)
{
	struct af_future *f;
	int64_t start;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = af_then(read_some(6), spin_and_read, &start);
	expect_error(&rig, f, -ETIMEDOUT);
	expect_elapsed(start, 40);
	rig_close(&rig);
}
END_TEST

/* The buffer has more room than that. */
START_TEST(read_after_a_longer_one_leaves_what_follows_its_own)
{
	static unsigned char data[300000];
	struct af_future *longer;
	const size_t len = sizeof data;

	pattern_fill(data, len, 0);
	rig_open(&rig, _i);
	rig_reader(&rig);
	longer = af_file_read(rig.reader, 2 * len, AFIO_FULL, NULL);
	expect_count(
		&rig,
		af_file_write(rig_writer(&rig), data, len, AFIO_FULL, NULL),
		len, 0);
	af_future_cancel(longer);
	expect_error(&rig, longer, -ECANCELED);
	pattern_fill(data, 1000, len);
	expect_count(&rig, af_file_write(rig.writer, data, 1000, 0, NULL), 1000,
		     0);
	expect_data_pattern(
		&rig, af_file_read(rig.reader, len + 500, AFIO_FULL, NULL),
		len + 500, 0, 0);
	expect_data_pattern(&rig,
			    af_file_read(rig.reader, 500, AFIO_FULL, NULL), 500,
			    len + 500, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(read_nonsense_fails_einval)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	expect_error(&rig, af_file_read(NULL, 6, 0, NULL), -EINVAL);
	expect_error(&rig, af_file_read(rig.reader, 6, AFIO_BORROW, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_read(rig.reader, 6, 1u << 31, NULL),
		     -EINVAL);
	expect_error(&rig, read_full(6, &(struct timeval){ -1, 0 }), -EINVAL);
	expect_error(&rig, read_full(6, &(struct timeval){ 0, -1 }), -EINVAL);
	expect_text(&rig, read_some(6), "abc", 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	const int sockets = WAY(KIND_SOCKETPAIR, 0);
	Suite *s = suite_create("file/read");
	TCase *tc = test_case(s, "outcomes");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(read_data_there_succeeds_with_at_most_size);
	ADD(read_of_any_size_succeeds_with_just_that);
	ADD(read_data_later_succeeds_with_it);
	ADD(read_full_succeeds_with_exactly_size);
	ADD(read_full_at_eof_succeeds_with_part_and_eof);
	ADD(read_all_at_eof_succeeds_with_data_and_eof);
	ADD(read_some_before_eof_succeeds_without_eof);
	ADD(read_full_of_all_before_eof_succeeds_without_eof);
	ADD(read_after_eof_succeeds_with_nothing_and_eof);
	ADD(read_full_at_deadline_succeeds_with_part_and_timedout);
	ADD(read_all_at_deadline_succeeds_with_part_and_timedout);
	ADD(read_nothing_at_deadline_fails_timedout);
	tcase_add_loop_test(
		tc, read_full_error_after_data_fails_and_leaves_the_data,
		sockets, EVERY_WAY);
	tcase_add_loop_test(tc,
			    read_all_error_after_data_fails_and_leaves_the_data,
			    sockets, EVERY_WAY);
	tcase_add_loop_test(tc, read_full_of_what_is_before_the_error_succeeds,
			    sockets, EVERY_WAY);
	tcase_add_loop_test(tc,
			    read_after_a_write_that_saw_the_reset_fails_once,
			    sockets, EVERY_WAY);
	ADD(read_cancelled_fails_and_leaves_bytes);
	ADD(read_nonsense_fails_einval);

	tc = test_case(s, "deadlines");
	ADD(read_zero_timeout_takes_what_is_there);
	ADD(read_deadline_past_before_the_loop_runs_fails_timedout);
	ADD(read_deadline_set_late_in_a_callback_is_whole);
	tcase_add_loop_test(tc,
			    read_after_a_longer_one_leaves_what_follows_its_own,
			    0, EVERY_WAY);
	return s;
}
