/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_file_write() and af_file_write_buffer(): every row of their outcome table
 * on every kind of descriptor and with every way of waiting. What counts is
 * always the reader's view: as many bytes as reported, these, and no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/harness.h"
#include "support/offers.h"
#include "support/pattern.h"
#include "support/system.h"

#define LARGE ((size_t)8 << 20) /* more than any descriptor takes */

static struct rig rig;
static unsigned char data[LARGE];

static struct af_future *write_large(unsigned flags,
				     const struct timeval *timeout)
{
	return af_file_write(rig.writer, data, LARGE, flags, timeout);
}

/* A buffer with the pattern in two chains. */
static struct evbuffer *make_buffer(size_t len)
{
	struct evbuffer *buf = evbuffer_new();

	evbuffer_add(buf, data, 1);
	evbuffer_add_reference(buf, data + 1, len - 1, NULL, NULL);
	return buf;
}

static void open_writer(int way)
{
	pattern_fill(data, LARGE, 0);
	rig_open(&rig, way);
	rig_writer(&rig);
}

/* The reader must find exactly so much of the pattern and then the end. */
static void close_and_expect(size_t count)
{
	rig_hang_up(&rig);
	expect_pattern_to_eof(rig.in, count, 0);
	rig_close(&rig);
}

START_TEST(write_with_room_succeeds_with_all)
{
	open_writer(_i);
	expect_count(&rig, af_file_write(rig.writer, data, 3, 0, NULL), 3, 0);
	expect_count(&rig,
		     af_file_write(rig.writer, data + 3, 4, AFIO_FULL, NULL), 4,
		     0);
	expect_count(&rig,
		     af_file_write(rig.writer, data + 7, 5, AFIO_BORROW, MS(0)),
		     5, 0);
	close_and_expect(12);
}
END_TEST

START_TEST(write_more_than_room_succeeds_with_part)
{
	open_writer(_i);
	close_and_expect(expect_part(&rig, write_large(0, NULL), LARGE, 0, 0));
}
END_TEST

START_TEST(write_without_room_waits_for_it)
{
	struct af_future *f;
	size_t stuffed;

	pattern_fill(data, LARGE, 0);
	rig_open(&rig, _i);
	stuffed = stuff(rig.out);
	f = af_file_write(rig_writer(&rig), data + stuffed, 10, 0, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	expect_pattern(rig.in, stuffed, 0);
	expect_count(&rig, f, 10, 0);
	rig_hang_up(&rig);
	expect_pattern_to_eof(rig.in, 10, stuffed);
	rig_close(&rig);
}
END_TEST

START_TEST(write_full_succeeds_with_all)
{
	struct af_future *f;

	open_writer(_i);
	rig_reader(&rig);
	f = write_large(AFIO_FULL, NULL);
	memset(data, 'x', LARGE);
	expect_data_pattern(&rig,
			    af_file_read(rig.reader, LARGE, AFIO_FULL, NULL),
			    LARGE, 0, 0);
	expect_count(&rig, f, LARGE, 0);
	rig_close(&rig);
}
END_TEST

/* What was not yet sent is taken from the buffer later, not from a copy. */
START_TEST(write_borrowed_is_not_copied)
{
	struct af_future *f;

	open_writer(_i);
	rig_reader(&rig);
	data[LARGE - 1] ^= 1;
	f = write_large(AFIO_FULL | AFIO_BORROW, NULL);
	data[LARGE - 1] ^= 1;
	expect_data_pattern(&rig,
			    af_file_read(rig.reader, LARGE, AFIO_FULL, NULL),
			    LARGE, 0, 0);
	expect_count(&rig, f, LARGE, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(write_full_at_deadline_succeeds_with_part_and_timedout)
{
	int64_t start = now_us();
	size_t count;

	open_writer(_i);
	count = expect_part(&rig, write_large(AFIO_FULL, MS(30)), LARGE, 0,
			    AFIO_TIMEDOUT);
	expect_elapsed(start, 30);
	close_and_expect(count);
}
END_TEST

START_TEST(write_full_zero_timeout_succeeds_with_part_and_timedout)
{
	open_writer(_i);
	close_and_expect(expect_part(&rig, write_large(AFIO_FULL, MS(0)), LARGE,
				     0, AFIO_TIMEDOUT));
}
END_TEST

/* The rest of the one that timed out is not sent before the next. */
START_TEST(write_after_one_that_timed_out_sends_only_its_own)
{
	struct af_future *all;
	size_t count;

	open_writer(_i);
	count = expect_part(&rig, write_large(AFIO_FULL, MS(20)), LARGE, 0,
			    AFIO_TIMEDOUT);
	rig_reader(&rig);
	all = af_file_read(rig.reader, 0, 0, NULL);
	expect_count(
		&rig,
		af_file_write(rig.writer, data + count, 100, AFIO_FULL, NULL),
		100, 0);
	rig_hang_up(&rig);
	expect_data_pattern(&rig, all, count + 100, 0, AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(write_nothing_at_deadline_fails_timedout)
{
	size_t stuffed;
	int64_t start;

	rig_open(&rig, _i);
	stuffed = stuff(rig.out);
	rig_writer(&rig);
	start = now_us();
	expect_error(&rig, write_large(0, MS(30)), -ETIMEDOUT);
	expect_elapsed(start, 30);
	start = now_us();
	expect_error(&rig, write_large(AFIO_FULL, MS(30)), -ETIMEDOUT);
	expect_elapsed(start, 30);
	expect_error(&rig, write_large(0, MS(0)), -ETIMEDOUT);
	close_and_expect(stuffed);
}
END_TEST

START_TEST(write_cancelled_fails_with_what_had_gone_out)
{
	struct af_future *f;
	size_t count;

	open_writer(_i);
	f = write_large(AFIO_FULL, NULL);
	turn(&rig);
	af_future_cancel(f);
	af_future_cancel(f);
	count = expect_part(&rig, f, LARGE, -ECANCELED, 0);
	close_and_expect(count);
}
END_TEST

START_TEST(write_cancelled_before_any_fails_with_nothing)
{
	struct af_future *f;
	size_t stuffed;

	rig_open(&rig, _i);
	stuffed = stuff(rig.out);
	rig_writer(&rig);
	f = write_large(AFIO_FULL, NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	close_and_expect(stuffed);
}
END_TEST

START_TEST(write_reader_gone_midway_fails_with_what_had_gone_out)
{
	struct af_future *f;
	int error;

	open_writer(_i);
	f = write_large(AFIO_FULL, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	expect_pattern(rig.in, 1000, 0);
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
	error = drive(&rig, f);
	/* TCP may say it another way when bytes are lost with the reader. */
	ck_assert(error == -EPIPE ||
		  (error == -ECONNRESET && rig.kind == KIND_TCP));
	ck_assert_uint_ge(expect_part(&rig, f, LARGE, error, 0), 1000);
	rig_close(&rig);
}
END_TEST

START_TEST(write_reader_gone_fails_epipe_each_time)
{
	char byte = 'x';
	int error = 0;

	open_writer(_i);
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
	turn(&rig);
	/* TCP takes some before it hears of it. */
	while (rig.kind == KIND_TCP && error == 0) {
		struct af_future *f =
			af_file_write(rig.writer, &byte, 1, 0, NULL);

		error = drive(&rig, f);
		af_future_unref(f);
		ck_assert(error == 0 || error == -EPIPE);
	}
	expect_error(&rig, af_file_write(rig.writer, &byte, 1, 0, NULL),
		     -EPIPE);
	expect_error(&rig, write_large(AFIO_FULL, NULL), -EPIPE);
	rig_close(&rig);
}
END_TEST

START_TEST(write_waiting_when_reader_goes_fails_epipe)
{
	struct af_future *f;

	rig_open(&rig, _i);
	stuff(rig.out);
	rig_writer(&rig);
	f = write_large(0, NULL);
	turn(&rig);
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
	expect_error(&rig, f, -EPIPE);
	rig_close(&rig);
}
END_TEST

/* For a read, size 0 means all: read_all_at_eof_... in read.c. */
START_TEST(write_nothing_succeeds_with_zero)
{
	struct evbuffer *empty = evbuffer_new();
	size_t stuffed;

	rig_open(&rig, _i);
	stuffed = stuff(rig.out);
	rig_writer(&rig);
	for (unsigned flags = 0; flags <= AFIO_FULL; flags += AFIO_FULL) {
		expect_count(&rig,
			     af_file_write(rig.writer, "", 0, flags, NULL), 0,
			     0);
		expect_count(&rig,
			     af_file_write(rig.writer, NULL, 0, flags, MS(0)),
			     0, 0);
		expect_count(
			&rig,
			af_file_write_buffer(rig.writer, empty, flags, NULL), 0,
			0);
	}
	evbuffer_free(empty);
	close_and_expect(stuffed);
}
END_TEST

START_TEST(write_nonsense_fails_einval)
{
	struct evbuffer *buf = make_buffer(3);

	open_writer(_i);
	expect_error(&rig, af_file_write(NULL, "x", 1, 0, NULL), -EINVAL);
	expect_error(&rig, af_file_write(rig.writer, NULL, 1, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_write(rig.writer, "x", 1, AFIO_KEEP_FD, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, MS(-1)),
		     -EINVAL);
	expect_error(&rig, af_file_write_buffer(NULL, buf, 0, NULL), -EINVAL);
	expect_error(&rig, af_file_write_buffer(rig.writer, NULL, 0, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_write_buffer(rig.writer, buf, AFIO_BORROW, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_write_buffer(rig.writer, buf, 0, MS(-1)),
		     -EINVAL);
	ck_assert_uint_eq(evbuffer_get_length(buf), 3);
	evbuffer_freeze(buf, 1);
	expect_error(&rig, af_file_write_buffer(rig.writer, buf, 0, NULL),
		     -EINVAL);
	ck_assert_uint_eq(evbuffer_get_length(buf), 3);
	evbuffer_unfreeze(buf, 1);
	evbuffer_free(buf);
	close_and_expect(0);
}
END_TEST

START_TEST(write_buffer_full_succeeds_with_all)
{
	struct evbuffer *buf;
	struct af_future *f;

	open_writer(_i);
	rig_reader(&rig);
	buf = make_buffer(LARGE);
	f = af_file_write_buffer(rig.writer, buf, AFIO_FULL, NULL);
	ck_assert_uint_eq(evbuffer_get_length(buf), 0);
	evbuffer_free(buf);
	expect_data_pattern(&rig,
			    af_file_read(rig.reader, LARGE, AFIO_FULL, NULL),
			    LARGE, 0, 0);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert(!af_future_buffer(f) ||
		  evbuffer_get_length(af_future_buffer(f)) == 0);
	expect_count(&rig, f, LARGE, 0);
	rig_close(&rig);
}
END_TEST

/* _i is a way and, below it, whether it is cancelled or times out. */
START_TEST(write_buffer_cut_short_returns_the_rest)
{
	int error = _i % 2 ? -ECANCELED : 0;
	struct evbuffer *buf, *rest;
	struct af_future *f;
	size_t count;

	open_writer(_i / 2);
	buf = make_buffer(LARGE);
	f = af_file_write_buffer(rig.writer, buf, AFIO_FULL,
				 error ? NULL : MS(20));
	ck_assert_uint_eq(evbuffer_get_length(buf), 0);
	evbuffer_free(buf);
	if (error)
		af_future_cancel(f);
	ck_assert_int_eq(drive(&rig, f), error);
	rest = af_future_buffer(f);
	ck_assert_ptr_nonnull(rest);
	count = af_future_count(f);
	ck_assert_uint_eq(evbuffer_get_length(rest), LARGE - count);
	ck_assert_uint_eq(
		pattern_match(evbuffer_pullup(rest, -1), LARGE - count, count),
		LARGE - count);
	ck_assert_uint_eq(
		expect_part(&rig, f, LARGE, error, error ? 0 : AFIO_TIMEDOUT),
		count);
	close_and_expect(count);
}
END_TEST

/* libevent sends such a part by sendfile(2), and shows no memory for it. */
START_TEST(write_buffer_with_a_part_of_a_file_sends_its_bytes)
{
	struct evbuffer *buf = evbuffer_new();
	const size_t len = 50000;
	unsigned char *body = malloc(len);
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_ptr_nonnull(body);
	ck_assert_int_ge(fd, 0);
	unlink(path);
	pattern_fill(body, len, 0);
	ck_assert_int_eq(write(fd, body, len), (ssize_t)len);
	rig_open(&rig, _i);
	rig_reader(&rig);
	evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD);
	ck_assert_int_eq(evbuffer_add(buf, body, 100), 0);
	ck_assert_int_eq(evbuffer_add_file(buf, fd, 100, (ev_off_t)len - 100),
			 0);
	af_future_unref(
		af_file_write_buffer(rig_writer(&rig), buf, AFIO_FULL, NULL));
	expect_data_pattern(&rig,
			    af_file_read(rig.reader, len, AFIO_FULL, NULL), len,
			    0, 0);
	evbuffer_free(buf);
	free(body);
	rig_close(&rig);
}
END_TEST

/* A buffer with a part of a file of so many bytes. */
static struct evbuffer *make_buffer_of_file(int *ret_fd, size_t len)
{
	struct evbuffer *buf = evbuffer_new();
	char path[] = P_tmpdir "/asyncfile-XXXXXX";

	*ret_fd = mkstemp(path);
	ck_assert_int_ge(*ret_fd, 0);
	unlink(path);
	ck_assert_int_eq(ftruncate(*ret_fd, (off_t)len), 0);
	evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD);
	ck_assert_int_eq(evbuffer_add_file(buf, *ret_fd, 0, (ev_off_t)len), 0);
	return buf;
}

START_TEST(write_buffer_with_a_part_that_is_gone_fails_eio)
{
	struct evbuffer *buf;
	int fd;

	rig_open(&rig, _i);
	buf = make_buffer_of_file(&fd, 100);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	expect_error(&rig, af_file_write_buffer(rig_writer(&rig), buf, 0, NULL),
		     -EIO);
	evbuffer_free(buf);
	rig_close(&rig);
}
END_TEST

START_TEST(write_buffer_with_a_part_that_cannot_be_read_fails_ebadf)
{
	struct evbuffer *buf;
	int fd, null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	rig_open(&rig, _i);
	buf = make_buffer_of_file(&fd, 100);
	ck_assert_int_eq(dup2(null, fd), fd);
	close(null);
	expect_error(&rig, af_file_write_buffer(rig_writer(&rig), buf, 0, NULL),
		     -EBADF);
	evbuffer_free(buf);
	rig_close(&rig);
}
END_TEST

/* It takes a pipe to get at the bytes. */
START_TEST(write_buffer_with_a_part_without_descriptors_fails_emfile)
{
	struct rlimit before, limit;
	struct evbuffer *buf;
	int fd, next;

	rig_open(&rig, DRIVE_AWAIT);
	rig_writer(&rig);
	buf = make_buffer_of_file(&fd, 100);
	next = dup(fd);
	close(next);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)next;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect_error(&rig, af_file_write_buffer(rig.writer, buf, 0, NULL),
		     -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	evbuffer_free(buf);
	rig_close(&rig);
}
END_TEST

START_TEST(write_buffer_of_nothing_sends_no_datagram)
{
	struct evbuffer *buf = evbuffer_new();
	int fds[2];
	char c;

	rig_open_loop(&rig, (enum driver)_i);
	ck_assert_int_eq(cloexec_socketpair(SOCK_DGRAM, fds), 0);
	rig.writer = af_file_new(rig.loop, fds[0], 0);
	expect_count(&rig, af_file_write_buffer(rig.writer, buf, 0, NULL), 0,
		     0);
	ck_assert_int_eq(recv(fds[1], &c, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	close(fds[1]);
	evbuffer_free(buf);
	rig_close(&rig);
}
END_TEST

static void close_writer(struct evbuffer *buf,
			 const struct evbuffer_cb_info *info, void *arg)
{
	struct af_file *file = rig.writer;

	(void)buf;
	(void)info;
	(void)arg;
	rig.writer = NULL;
	ck_assert_int_eq(af_file_close(file), 0);
}

static void free_loop(struct evbuffer *buf, const struct evbuffer_cb_info *info,
		      void *arg)
{
	(void)buf;
	(void)info;
	(void)arg;
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

/* Index: what a callback of the buffer does; and a driver. */
START_TEST(write_buffer_that_has_its_file_ended_fails_ecanceled)
{
	struct evbuffer *buf = evbuffer_new();
	struct af_future *f;

	rig_open(&rig, _i % DRIVE_COUNT);
	rig_writer(&rig);
	evbuffer_add(buf, "abc", 3);
	evbuffer_add_cb(buf, _i < DRIVE_COUNT ? close_writer : free_loop, NULL);
	f = af_file_write_buffer(rig.writer, buf, AFIO_FULL, NULL);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), 0);
	af_future_unref(f);
	evbuffer_free(buf);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/write");
	TCase *tc = test_case(s, "outcomes");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
#define ADD_BUT_TCP(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY_BUT_TCP)
	ADD(write_with_room_succeeds_with_all);
	ADD(write_more_than_room_succeeds_with_part);
	ADD_BUT_TCP(write_without_room_waits_for_it);
	ADD(write_full_succeeds_with_all);
	ADD(write_borrowed_is_not_copied);
	ADD(write_full_at_deadline_succeeds_with_part_and_timedout);
	ADD(write_full_zero_timeout_succeeds_with_part_and_timedout);
	ADD(write_after_one_that_timed_out_sends_only_its_own);
	ADD_BUT_TCP(write_nothing_at_deadline_fails_timedout);
	ADD(write_cancelled_fails_with_what_had_gone_out);
	ADD_BUT_TCP(write_cancelled_before_any_fails_with_nothing);
	ADD(write_reader_gone_midway_fails_with_what_had_gone_out);
	ADD(write_reader_gone_fails_epipe_each_time);
	ADD_BUT_TCP(write_waiting_when_reader_goes_fails_epipe);
	ADD_BUT_TCP(write_nothing_succeeds_with_zero);
	ADD(write_nonsense_fails_einval);

	tc = test_case(s, "buffers");
	ADD(write_buffer_full_succeeds_with_all);
	tcase_add_loop_test(tc, write_buffer_cut_short_returns_the_rest, 0,
			    2 * EVERY_WAY);
	if (offers_sendfile())
		ADD(write_buffer_with_a_part_of_a_file_sends_its_bytes);

	tc = test_case(s, "buffers that fail");
	if (offers_sendfile()) {
		tcase_add_loop_test(
			tc, write_buffer_with_a_part_that_is_gone_fails_eio, 0,
			DRIVE_COUNT);
		tcase_add_loop_test(
			tc,
			write_buffer_with_a_part_that_cannot_be_read_fails_ebadf,
			0, DRIVE_COUNT);
	}
	tcase_add_test(
		tc, write_buffer_with_a_part_without_descriptors_fails_emfile);
	tcase_add_loop_test(tc, write_buffer_of_nothing_sends_no_datagram, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(
		tc, write_buffer_that_has_its_file_ended_fails_ecanceled, 0,
		2 * DRIVE_COUNT);
	return s;
}
