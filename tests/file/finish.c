/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_finish(): each row of its tables, on every kind of file
 * where the kind matters.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/kinds.h"
#include "support/layers.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define LARGE ((size_t)1 << 20) /* more than any of them takes */

static struct rig rig;
static unsigned char data[LARGE];

static struct af_future *write_large(void)
{
	return af_file_write(rig.writer, data, LARGE, AFIO_FULL, NULL);
}

static struct af_future *finish(const struct timeval *timeout)
{
	return af_file_finish(rig.writer, timeout);
}

static bool has(unsigned traits)
{
	return kind_played()->traits & traits;
}

/* The peer sees the end; TLS, that it was cut off. */
static void expect_end(void)
{
	if (kind_played()->say_goodbye)
		expect_error(&rig, af_file_read(rig.reader, 1, 0, NULL), -EIO);
	else
		expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "",
			    AFIO_EOF);
}

static void expect_closed(struct af_file *file)
{
	ck_assert_int_eq(af_file_fd(file), -EBADF);
	expect_error(&rig, af_file_write(file, "x", 1, 0, NULL), -EBADF);
	expect_error(&rig, af_file_read(file, 1, 0, NULL), -EBADF);
	expect_error(&rig, af_file_finish(file, NULL), 0);
}

static void expect_read(size_t len, size_t offset)
{
	expect_data_pattern(&rig,
			    af_file_read(rig.reader, len, AFIO_FULL, NULL), len,
			    offset, 0);
}

ROW(finish_waits_for_pending_writes_and_closes)
{
	struct af_future *all =
		af_file_read(rig.reader, LARGE, AFIO_FULL, NULL);
	struct af_future *written = write_large(), *f = finish(MS(20000));

	ck_assert(!af_future_is_done(f));
	expect_data_pattern(&rig, all, LARGE, 0, 0);
	expect_count(&rig, written, LARGE, 0);
	expect_error(&rig, f, 0);
	expect_closed(rig.writer);
	expect_end();
}

ROW(finish_with_nothing_pending_closes)
{
	struct af_future *f = finish(NULL), *second = finish(NULL);

	ck_assert(!af_future_is_done(f));
	expect_error(&rig, f, 0);
	expect_error(&rig, second, 0);
	expect_closed(rig.writer);
}

ROW(finish_without_time_closes_if_nothing_is_pending)
{
	struct af_future *f = finish(MS(0));

	ck_assert(af_future_is_done(f));
	expect_error(&rig, f, 0);
	expect_closed(rig.writer);
}

ROW(finish_at_its_deadline_leaves_it_open)
{
	struct af_future *written = write_large(), *all, *last;
	int64_t since = now_us();

	expect_error(&rig, finish(MS(0)), -ETIMEDOUT);
	expect_error(&rig, finish(MS(8)), -ETIMEDOUT);
	expect_elapsed(since, 8);
	ck_assert(!af_future_is_done(written));
	/* One that was queued behind it goes on, too. */
	last = af_file_write(rig.writer, data, 100, AFIO_FULL, NULL);
	all = af_file_read(rig.reader, LARGE, AFIO_FULL, NULL);
	expect_data_pattern(&rig, all, LARGE, 0, 0);
	expect_read(100, 0);
	expect_count(&rig, written, LARGE, 0);
	expect_count(&rig, last, 100, 0);
	expect_error(&rig, finish(NULL), 0);
	expect_end();
}

ROW(finish_cancelled_leaves_it_open)
{
	struct af_future *written = write_large(), *f = finish(NULL), *last;

	last = af_file_write(rig.writer, data, 100, AFIO_FULL, NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_data_pattern(&rig,
			    af_file_read(rig.reader, LARGE, AFIO_FULL, NULL),
			    LARGE, 0, 0);
	expect_read(100, 0);
	expect_count(&rig, written, LARGE, 0);
	expect_count(&rig, last, 100, 0);
	/* Also one that would close it next. */
	f = finish(NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	turn(&rig);
	written = af_file_write(rig.writer, "x", 1, 0, NULL);
	expect_text(&rig, af_file_read(rig.reader, 1, 0, NULL), "x", 0);
	expect_count(&rig, written, 1, 0);
}

/* With a write before it, and as the next to close it. */
ROW(finish_of_a_file_that_is_closed_is_cancelled)
{
	struct af_future *f[2] = { NULL };

	if (!has(MESSAGES))
		af_future_unref(write_large());
	for (int i = 0; i < 2; i++)
		f[i] = finish(NULL);
	rig_hang_up(&rig);
	for (int i = 0; i < 2; i++)
		expect_error(&rig, f[i], -ECANCELED);
}

ROW(finish_cancels_reads_and_later_writes)
{
	struct af_future *written = write_large(), *f = finish(NULL);
	struct af_future *later = write_large(), *read = NULL, *second;

	if (!has(ONE_WAY))
		read = af_file_read(rig.writer, 1, 0, NULL);
	second = finish(NULL);
	expect_read(LARGE, 0);
	expect_error(&rig, f, 0);
	expect_count(&rig, written, LARGE, 0);
	expect_error(&rig, later, -ECANCELED);
	expect_error(&rig, second, 0);
	if (read)
		expect_error(&rig, read, -ECANCELED);
	expect_end();
}

/* The write says it; the finish has nothing to add. */
ROW(finish_after_a_write_that_failed_succeeds)
{
	struct af_future *written, *f;

	/* select(2) knows of the end of a terminal only when reading. */
	if (has(PTY) && strcmp(event_base_get_method(af_loop_base(rig.loop)),
			       "select") == 0)
		return;
	written = write_large();
	f = finish(NULL);
	turn(&rig);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	ck_assert_int_lt(drive(&rig, written), 0);
	af_future_unref(written);
	expect_error(&rig, f, 0);
	expect_closed(rig.writer);
}

/* Those that count are on their way in a bufferevent. */
ROW(finish_waits_for_bytes_that_a_cancelled_write_counts)
{
	struct af_future *written = write_large(), *f;
	size_t count;

	turn(&rig);
	af_future_cancel(written);
	count = expect_part(&rig, written, LARGE, -ECANCELED, 0);
	if (has(FOREIGN) && !has(MOVES_ON))
		expect_error(&rig, finish(MS(8)), -ETIMEDOUT);
	f = finish(NULL);
	expect_read(count, 0);
	expect_error(&rig, f, 0);
	expect_end();
}

ROW(finish_reports_counted_bytes_that_are_lost)
{
	struct af_future *written = write_large(), *f;
	int error;

	turn(&rig);
	af_future_cancel(written);
	expect_part(&rig, written, LARGE, -ECANCELED, 0);
	f = finish(NULL);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	error = drive(&rig, f);
	ck_assert(error == -EPIPE || error == -EIO);
	af_future_unref(f);
	expect_closed(rig.writer);
}

START_TEST(finish_of_a_file_on_disk_closes_it)
{
	struct af_file *file;

	rig_open_loop(&rig, (enum driver)_i);
	file = af_file_open(rig.loop, "file", "w+");
	expect_count(&rig, af_file_write(file, "abc", 3, AFIO_FULL, NULL), 3,
		     0);
	expect_error(&rig, af_file_finish(file, NULL), 0);
	expect_closed(file);
	expect_file("file", "abc");
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -EBADF);
	ck_assert_int_eq(af_file_size(file), -EBADF);
	expect_error(&rig, af_file_sync(file, NULL), -EBADF);
	ck_assert_int_eq(af_file_close(file), 0);
	/* One that is only read has nothing to wait for. */
	file = af_file_open(rig.loop, "file", "r");
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "a", 0);
	expect_error(&rig, af_file_finish(file, MS(0)), 0);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(file_that_is_finished_refuses_everything)
{
	struct af_file *file;

	rig_open(&rig, WAY(KIND_SOCKETPAIR, 0));
	file = rig_writer(&rig);
	put_text(rig.in, "abc");
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "a", 0);
	expect_error(&rig, af_file_finish(file, NULL), 0);
	expect_closed(file);
	ck_assert_int_eq(af_file_shutdown(file, SHUT_WR), -EBADF);
	ck_assert_int_eq(af_file_clear_eof(file), -EBADF);
	ck_assert_int_eq(af_file_unread(file, "x", 1), -EBADF);
	ck_assert_int_eq(af_file_detach(file, NULL), -EBADF);
	expect_error(&rig, af_file_hangup(file), -EBADF);
	expect_error(&rig, af_file_peek(file, 1, NULL), -EBADF);
	expect_error(&rig, af_file_copy(file, file, 1, NULL), -EBADF);
	expect_error(&rig, af_file_finish(file, MS(-1)), -EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(finish_with_keep_fd_gives_the_descriptor_back)
{
	struct af_file *file;
	int fds[2];

	rig_open_loop(&rig, (enum driver)_i);
	make_pty(fds);
	/* A master is non-blocking meanwhile. */
	file = af_file_new(rig.loop, fds[0], AFIO_KEEP_FD);
	ck_assert(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	expect_count(&rig, af_file_write(file, "abc", 3, AFIO_FULL, NULL), 3,
		     0);
	expect_error(&rig, af_file_finish(file, NULL), 0);
	ck_assert(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(close(fds[0]), 0);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(finish_with_keep_fd_gives_the_bufferevent_back)
{
	struct bufferevent *bevs[2];
	struct af_file *file;

	rig_open_loop(&rig, (enum driver)_i);
	layer_pair(af_loop_base(rig.loop), bevs);
	file = af_file_from_bufferevent(rig.loop, bevs[0], AFIO_KEEP_FD);
	bufferevent_enable(bevs[1], EV_READ);
	expect_count(&rig, af_file_write(file, "abc", 3, AFIO_FULL, NULL), 3,
		     0);
	expect_error(&rig, af_file_finish(file, NULL), 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(bufferevent_write(bevs[0], "d", 1), 0);
	turn(&rig);
	ck_assert_uint_eq(evbuffer_get_length(bufferevent_get_input(bevs[1])),
			  4);
	bufferevent_free(bevs[0]);
	bufferevent_free(bevs[1]);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

/* A timeout of its own does not end a bufferevent. */
START_TEST(finish_of_a_bufferevent_that_times_out_leaves_it_open)
{
	struct bufferevent *bevs[2];
	struct af_future *written;
	size_t count;

	rig_open_loop(&rig, (enum driver)_i);
	signal(SIGPIPE, SIG_IGN);
	layer_socket(af_loop_base(rig.loop), bevs);
	rig.reader = af_file_from_bufferevent(rig.loop, bevs[0], 0);
	rig.writer = af_file_from_bufferevent(rig.loop, bevs[1], 0);
	written = write_large();
	turn(&rig);
	af_future_cancel(written);
	count = expect_part(&rig, written, LARGE, -ECANCELED, 0);
	bufferevent_set_timeouts(bevs[1], NULL, MS(20));
	expect_error(&rig, finish(NULL), -ETIMEDOUT);
	ck_assert_int_ge(af_file_fd(rig.writer), 0);
	bufferevent_set_timeouts(bevs[1], NULL, NULL);
	written = finish(NULL);
	expect_read(count, 0);
	expect_error(&rig, written, 0);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(finish_has_the_error_of_close)
{
	struct af_file *file;
	int fds[2];

	rig_open_loop(&rig, (enum driver)_i);
	make_pair(KIND_SOCKETPAIR, fds);
	file = af_file_new(rig.loop, fds[0], 0);
	close(fds[0]);
	expect_error(&rig, af_file_finish(file, NULL), -EBADF);
	expect_closed(file);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

static void *finish_elsewhere(void *file)
{
	struct af_future *f = af_file_finish(file, NULL);

	ck_assert_int_eq(af_future_error(f), -EPERM);
	af_future_unref(f);
	return NULL;
}

START_TEST(finish_refuses_nonsense)
{
	pthread_t thread;

	rig_open(&rig, 0);
	rig_writer(&rig);
	expect_error(&rig, af_file_finish(NULL, NULL), -EINVAL);
	expect_error(&rig, finish(MS(-1)), -EINVAL);
	pthread_create(&thread, NULL, finish_elsewhere, rig.writer);
	pthread_join(thread, NULL);
	ck_assert_int_ge(af_file_fd(rig.writer), 0);
	rig_close(&rig);
}
END_TEST

static void note_error(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_error(done);
}

/* Index: with a write before it, or none. */
START_TEST(finish_ends_with_its_loop)
{
	struct af_file *file;
	int error = 0;

	rig_open(&rig, WAY(_i, 0));
	file = rig_writer(&rig);
	rig.writer = NULL;
	if (_i)
		af_future_unref(
			af_file_write(file, data, LARGE, AFIO_FULL, NULL));
	af_on_done(af_file_finish(file, MS(20000)), note_error, &error);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(error, -ECANCELED);
	expect_error(&rig, af_file_finish(file, NULL), -ECANCELED);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* The file is closed in the middle of a call. */
static int finish_on_line(const char *line, size_t len, unsigned flags,
			  void *arg)
{
	(void)line;
	(void)len;
	(void)flags;
	*(struct af_future **)arg = af_file_finish(rig.reader, MS(0));
	return 0;
}

START_TEST(finish_in_a_callback_of_its_file_cancels_that)
{
	struct af_future *f = NULL;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "one\ntwo\n");
	check_outcome(__FILE__, __LINE__, &rig,
		      af_file_each_line(rig.reader, finish_on_line, &f),
		      -ECANCELED, 4, 0);
	expect_error(&rig, f, 0);
	expect_closed(rig.reader);
	rig_close(&rig);
}
END_TEST

START_TEST(finish_of_the_target_cancels_a_copy_behind_it)
{
	struct af_future *f, *copy;

	rig_open(&rig, _i);
	rig_writer(&rig);
	rig.reader = af_file_open(rig.loop, "/dev/zero", "r");
	f = finish(NULL);
	copy = af_file_copy(rig.reader, rig.writer, 100, NULL);
	expect_error(&rig, f, 0);
	expect_error(&rig, copy, -ECANCELED);
	rig_close(&rig);
}
END_TEST

START_TEST(file_knows_its_loop_its_limits_and_the_programs_data)
{
	rig_open(&rig, 0);
	rig_reader(&rig);
	ck_assert_ptr_eq(af_file_loop(rig.reader), rig.loop);
	ck_assert_ptr_null(af_file_data(rig.reader));
	af_file_set_data(rig.reader, &rig);
	ck_assert_ptr_eq(af_file_data(rig.reader), &rig);
	ck_assert_uint_eq(af_file_limit(rig.reader), 0);
	ck_assert_uint_eq(af_file_read_ahead(rig.reader), 65536);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 5), 0);
	ck_assert_int_eq(af_file_set_read_ahead(rig.reader, 7), 0);
	ck_assert_uint_eq(af_file_limit(rig.reader), 5);
	ck_assert_uint_eq(af_file_read_ahead(rig.reader), 7);
	af_file_set_data(NULL, &rig);
	ck_assert_ptr_null(af_file_data(NULL));
	ck_assert_ptr_null(af_file_loop(NULL));
	ck_assert_uint_eq(af_file_limit(NULL), 0);
	ck_assert_uint_eq(af_file_read_ahead(NULL), 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	const unsigned no_end = MESSAGES | DROPS;
	Suite *s = suite_create("file/finish");
	TCase *tc = test_case(s, "every kind");

	pattern_fill(data, LARGE, 0);
	ADD_ROW(tc, finish_waits_for_pending_writes_and_closes, no_end);
	ADD_ROW(tc, finish_with_nothing_pending_closes, 0);
	ADD_ROW(tc, finish_without_time_closes_if_nothing_is_pending, 0);
	ADD_ROW(tc, finish_at_its_deadline_leaves_it_open, no_end);
	ADD_ROW(tc, finish_cancelled_leaves_it_open, no_end);
	ADD_ROW(tc, finish_of_a_file_that_is_closed_is_cancelled, 0);
	ADD_ROW(tc, finish_cancels_reads_and_later_writes, no_end);
	ADD_ROW(tc, finish_after_a_write_that_failed_succeeds, MESSAGES);
	ADD_ROW(tc, finish_waits_for_bytes_that_a_cancelled_write_counts,
		no_end);
	for (int i = 0; i < n_file_kinds; i++)
		/* The end of a pair moves all to a reader that drops it. */
		if (file_kinds[i].traits & FOREIGN &&
		    !(file_kinds[i].traits & (MOVES_ON | NO_BUFFER)))
			tcase_add_loop_test(
				tc, finish_reports_counted_bytes_that_are_lost,
				i, i + 1);

	tc = scratch_case(s, "finish");
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(finish_of_a_file_on_disk_closes_it, DRIVE_COUNT);
	tcase_add_test(tc, file_that_is_finished_refuses_everything);
	ADD(finish_with_keep_fd_gives_the_descriptor_back, DRIVE_COUNT);
	ADD(finish_with_keep_fd_gives_the_bufferevent_back, DRIVE_COUNT);
	tcase_add_test(tc,
		       finish_of_a_bufferevent_that_times_out_leaves_it_open);
	ADD(finish_has_the_error_of_close, DRIVE_COUNT);
	tcase_add_test(tc, finish_refuses_nonsense);
	ADD(finish_ends_with_its_loop, 2);
	ADD(finish_in_a_callback_of_its_file_cancels_that, EVERY_WAY);
	ADD(finish_of_the_target_cancels_a_copy_behind_it, EVERY_WAY);
	tcase_add_test(tc,
		       file_knows_its_loop_its_limits_and_the_programs_data);
	return s;
}
