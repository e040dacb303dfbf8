/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_file_copy(): its outcome table row by row, through the kernel and through
 * memory. Not a byte is lost, repeated or invented.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "support/copies.h"
#include "support/system.h"

static void wait_readable(int fd)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&in, 1, 20000), 1);
}

START_TEST(copy_to_eof_succeeds_with_eof)
{
	open_way(_i);
	put_text(rig.out, "abcdef");
	rig_hang_up(&rig);
	expect_count(&rig, copying(-1, NULL), 6, AFIO_EOF);
	expect_count(&rig, copying(-1, NULL), 0, AFIO_EOF);
	expect_text(&rig, reading(9), "", AFIO_EOF);
	expect_sunk("abcdef");
	expect_sink_is_empty();
	close_way();
}
END_TEST

START_TEST(copy_of_count_takes_not_one_byte_more)
{
	open_way(_i);
	put_pattern(rig.out, 1000, 0);
	expect_count(&rig, copying(600, NULL), 600, 0);
	expect_count(&rig, copying(399, MS(20000)), 399, 0);
	expect_data_pattern(&rig, reading(1), 1, 999, 0);
	expect_pattern(sink, 999, 0);
	expect_sink_is_empty();
	close_way();
}
END_TEST

START_TEST(copy_of_nothing_succeeds_at_once)
{
	struct af_future *f;

	open_way(_i);
	f = copying(0, NULL);
	ck_assert(af_future_is_done(f));
	expect_count(&rig, f, 0, 0);
	put_text(rig.out, "abc");
	expect_count(&rig, copying(0, MS(0)), 0, 0);
	expect_text(&rig, reading(3), "abc", 0);
	expect_sink_is_empty();
	close_way();
}
END_TEST

START_TEST(copy_of_more_than_comes_succeeds_with_eof)
{
	struct af_future *f;

	open_way(_i);
	f = copying(9, NULL);
	turn(&rig);
	put_text(rig.out, "abcde");
	turn(&rig);
	rig_hang_up(&rig);
	expect_count(&rig, f, 5, AFIO_EOF);
	expect_sunk("abcde");
	close_way();
}
END_TEST

START_TEST(copy_of_much_is_whole)
{
	struct af_future *all, *f;
	struct af_file *file;

	open_way(_i);
	file = af_file_new(rig.loop, sink, AFIO_KEEP_FD);
	feed(&rig, data, LEN, true);
	f = copying(-1, NULL);
	all = af_file_read(file, LEN, AFIO_FULL, NULL);
	expect_data_pattern(&rig, all, LEN, 0, 0);
	expect_count(&rig, f, LEN, AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	close_way();
}
END_TEST

START_TEST(copy_at_deadline_with_none_fails_etimedout)
{
	int64_t since = now_us();

	open_way(_i);
	expect_error(&rig, copying(-1, MS(20)), -ETIMEDOUT);
	expect_elapsed(since, 20);
	put_text(rig.out, "abc");
	expect_count(&rig, copying(3, NULL), 3, 0);
	expect_sunk("abc");
	close_way();
}
END_TEST

START_TEST(copy_at_deadline_with_some_succeeds_and_loses_nothing)
{
	size_t count;

	open_way(_i);
	feed(&rig, data, LEN, false);
	count = expect_part(&rig, copying(-1, MS(30)), LEN, 0, AFIO_TIMEDOUT);
	expect_pattern(sink, count, 0);
	for (int i = 0; i < 5; i++)
		turn(&rig);
	expect_sink_is_empty();
	expect_rest(count);
	close_way();
}
END_TEST

/* Also what came after a read had found that there was no more. */
START_TEST(copy_zero_timeout_moves_what_is_there)
{
	open_way(_i);
	expect_error(&rig, copying(-1, MS(0)), -ETIMEDOUT);
	put_text(rig.out, "abc");
	wait_readable(af_file_fd(rig.reader));
	expect_count(&rig, copying(-1, MS(0)), 3, AFIO_TIMEDOUT);
	put_text(rig.out, "de");
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "de", 0);
	put_text(rig.out, "fgh");
	wait_readable(af_file_fd(rig.reader));
	expect_count(&rig, copying(2, MS(0)), 2, 0);
	expect_count(&rig, copying(2, MS(0)), 1, AFIO_TIMEDOUT);
	rig_hang_up(&rig);
	wait_readable(af_file_fd(rig.reader));
	expect_count(&rig, copying(-1, MS(0)), 0, AFIO_EOF);
	expect_sunk("abcfgh");
	close_way();
}
END_TEST

START_TEST(copy_cancelled_leaves_the_rest)
{
	struct af_future *f;
	size_t count;

	open_way(_i);
	f = begin_stuck(NULL);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	ck_assert(af_future_is_done(f));
	count = expect_part(&rig, f, LEN, -ECANCELED, 0);
	expect_pattern(sink, count, 0);
	turn(&rig);
	expect_sink_is_empty();
	expect_rest(count);
	close_way();
}
END_TEST

START_TEST(copy_stuck_when_the_reader_goes_fails_epipe)
{
	struct af_future *f;
	size_t count;

	open_way(_i);
	signal(SIGPIPE, SIG_DFL);
	f = begin_stuck(NULL);
	close_sink();
	count = expect_part(&rig, f, LEN, -EPIPE, 0);
	expect_rest(count);
	close_way();
}
END_TEST

/* The peer left without reading what it was sent: ECONNRESET, once. */
START_TEST(copy_read_error_is_reported_once)
{
	open_way(_i);
	put_text(af_file_fd(rig.reader), "never read");
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	ck_assert_uint_eq(expect_end(copying(-1, NULL), -ECONNRESET, 0), 3);
	expect_count(&rig, copying(-1, NULL), 0, AFIO_EOF);
	expect_sunk("abc");
	close_way();
}
END_TEST

/* Its error stays behind the data that a read had taken. */
START_TEST(copy_has_the_error_of_the_read_before)
{
	open_way(_i);
	put_text(af_file_fd(rig.reader), "never read");
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	expect_error(&rig, af_file_read(rig.reader, 9, AFIO_FULL, NULL),
		     -ECONNRESET);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "abc",
		    AFIO_ERROR);
	expect_error(&rig, copying(-1, NULL), -ECONNRESET);
	expect_count(&rig, copying(-1, NULL), 0, AFIO_EOF);
	close_way();
}
END_TEST

static struct af_file *zeroes[2], *nowhere[2];

static struct af_future *copy_late(struct af_future *done, void *arg)
{
	struct af_future **copies = arg;

	(void)done;
	spin(2);
	for (int i = 0; i < 2; i++)
		copies[i] = af_file_copy(zeroes[i], nowhere[i], 1 << 20, NULL);
	return NULL;
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

/* Its turn has lasted too long when they begin. */
START_TEST(copies_begun_by_a_late_continuation_are_whole)
{
	struct af_future *copies[2], *before, *late;

	rig_open_loop(&rig, (enum driver)_i);
	/* All in this thread. */
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 0), 0);
	for (int i = 0; i < 2; i++) {
		zeroes[i] = af_file_open(rig.loop, "/dev/zero", "r");
		nowhere[i] = af_file_open(rig.loop, "/dev/null", "w");
	}
	/* With two that are ready, the clock is read before each. */
	before = af_then(af_sleep(rig.loop, MS(0)), pass, NULL);
	late = af_then(af_sleep(rig.loop, MS(0)), copy_late, copies);
	expect_error(&rig, late, 0);
	expect_error(&rig, before, 0);
	for (int i = 0; i < 2; i++) {
		expect_count(&rig, copies[i], 1 << 20, 0);
		ck_assert_int_eq(af_file_close(zeroes[i]), 0);
		ck_assert_int_eq(af_file_close(nowhere[i]), 0);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(copy_of_datagrams_passes_over_empty_ones)
{
	int fds[2];

	rig_open(&rig, WAY(KIND_PIPE, _i));
	rig_writer(&rig);
	ck_assert_int_eq(cloexec_socketpair(SOCK_DGRAM, fds), 0);
	rig.reader = af_file_new(rig.loop, fds[0], 0);
	ck_assert_int_eq(send(fds[1], "", 0, 0), 0);
	ck_assert_int_eq(send(fds[1], "abc", 3, 0), 3);
	expect_count(&rig, af_file_copy(rig.reader, rig.writer, 3, NULL), 3, 0);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(copy_takes_unread_bytes_first)
{
	open_way(_i);
	put_text(rig.out, "line\nrest of it");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "line\n",
		    0);
	expect_count(&rig, copying(4, NULL), 4, 0);
	put_text(rig.out, " and more");
	expect_count(&rig, copying(10, NULL), 10, 0);
	expect_text(&rig, reading(5), " more", 0);
	expect_sunk("rest of it and");
	expect_sink_is_empty();
	close_way();
}
END_TEST

START_TEST(copy_of_nonsense_is_refused)
{
	struct af_loop *other = af_loop_new(NULL);
	struct af_file *file;
	struct af_future *f;

	open_way(_i);
	file = af_file_new(other, sink, AFIO_KEEP_FD);
	f = af_file_copy(NULL, target, 1, NULL);
	ck_assert_int_eq(af_future_error(f), -EINVAL);
	af_future_unref(f);
	expect_error(&rig, af_file_copy(rig.reader, NULL, 1, NULL), -EINVAL);
	expect_error(&rig, copying(1, &(struct timeval){ -1, 0 }), -EINVAL);
	expect_error(&rig, copying(1, &(struct timeval){ 0, 1000000 }),
		     -EINVAL);
	f = af_file_copy(file, target, 1, NULL);
	ck_assert_int_eq(af_future_error(f), -EINVAL);
	af_future_unref(f);
	expect_error(&rig, af_file_copy(target, target, 1, NULL), -EBADF);
	expect_error(&rig, af_file_copy(rig.reader, rig.reader, 1, NULL),
		     -EBADF);
	ck_assert_int_eq(af_file_close(file), 0);
	af_loop_free(other);
	close_way();
}
END_TEST

/* By two files: a number of bytes is copied, to the end would be for ever. */
static void expect_endless(struct af_file *from, struct af_file *to)
{
	expect_error(&rig, af_file_copy(from, to, -1, NULL), -EINVAL);
	expect_count(&rig, af_file_copy(from, to, 3, NULL), 3, 0);
	ck_assert_int_eq(af_file_close(from), 0);
	ck_assert_int_eq(af_file_close(to), 0);
}

START_TEST(copy_of_a_file_to_its_own_end_is_refused)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	int fds[2] = { mkostemp(path, O_CLOEXEC) };

	rig_open_loop(&rig, (enum driver)(_i % DRIVE_COUNT));
	ck_assert_int_ge(fds[0], 0);
	put_text(fds[0], "abcdef");
	close(fds[0]);
	expect_endless(af_file_open(rig.loop, path, "r"),
		       af_file_open(rig.loop, path, "a"));
	unlink(path);
	make_pair(KIND_PIPE, fds);
	put_text(fds[1], "abcdef");
	expect_endless(af_file_new(rig.loop, fds[0], 0),
		       af_file_new(rig.loop, fds[1], 0));
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/copy");
	TCase *tc = test_case(s, "outcome");

	pattern_fill(data, LEN, 0);
#define ADD(test) tcase_add_loop_test(tc, test, 0, ALL_WAYS)
#define ADD_FROM_SOCKETS(test)                                                 \
	tcase_add_loop_test(tc, test, DRIVE_COUNT, 3 * DRIVE_COUNT);           \
	tcase_add_loop_test(tc, test, 5 * DRIVE_COUNT, 6 * DRIVE_COUNT)
	ADD(copy_to_eof_succeeds_with_eof);
	tcase_add_loop_test(tc, copy_of_a_file_to_its_own_end_is_refused, 0,
			    DRIVE_COUNT);
	ADD(copy_of_count_takes_not_one_byte_more);
	ADD(copy_of_nothing_succeeds_at_once);
	ADD(copy_of_more_than_comes_succeeds_with_eof);
	ADD(copy_of_much_is_whole);
	ADD(copy_at_deadline_with_none_fails_etimedout);
	ADD(copy_at_deadline_with_some_succeeds_and_loses_nothing);
	ADD(copy_zero_timeout_moves_what_is_there);
	ADD(copy_cancelled_leaves_the_rest);
	ADD(copy_stuck_when_the_reader_goes_fails_epipe);
	ADD_FROM_SOCKETS(copy_read_error_is_reported_once);
	ADD_FROM_SOCKETS(copy_has_the_error_of_the_read_before);
	tcase_add_loop_test(tc, copies_begun_by_a_late_continuation_are_whole,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, copy_of_datagrams_passes_over_empty_ones, 0,
			    DRIVE_COUNT);
	ADD(copy_takes_unread_bytes_first);
	tcase_add_loop_test(tc, copy_of_nonsense_is_refused, 0, DRIVE_COUNT);
	return s;
}
