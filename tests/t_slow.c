/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * On-disk files on a disk that is slow, dead, or fails: the outcome tables with
 * and without workers, and what ends while a worker is stuck.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "../lib/file.h"
#include "contexts.h"
#include "harness.h"
#include "pattern.h"
#include "scratch.h"
#include "slow.h"

/* What one job moves at most. */
#define PIECE ((size_t)256 << 10)

/* Who moves the bytes. */
static const struct way {
	const char *name;
	struct slow slow;
	unsigned workers;
} ways[] = {
	{ "at once", { .now = NOW_AS_EVER }, 4 },
	{ "four workers", { .now = NOW_COLD }, 4 },
	{ "one worker", { .now = NOW_COLD }, 1 },
	{ "no worker", { .now = NOW_COLD }, 0 },
	{ "unsupported", { .now = NOW_UNSUPPORTED }, 4 },
	{ "no thread", { .now = NOW_COLD, .no_threads = true }, 4 },
	{ "little by little", { .now = NOW_COLD, .write_max = 7 }, 4 },
};
#define WAYS ((int)(sizeof ways / sizeof *ways))
#define ALL_WAYS (WAYS * DRIVE_COUNT)

static struct rig rig;

/* Index: a way, and who drives. */
static void open_way(int i)
{
	rig_open(&rig, i % DRIVE_COUNT);
	slow_set(&ways[i / DRIVE_COUNT].slow);
	ck_assert_int_eq(
		af_loop_set_workers(rig.loop, ways[i / DRIVE_COUNT].workers),
		0);
}

/* Nothing in memory, and workers. */
static void open_cold(int driver)
{
	open_way(1 * DRIVE_COUNT + driver);
}

static struct af_file *opened(const char *name, const char *mode)
{
	struct af_file *file = af_file_open(rig.loop, name, mode);

	ck_assert_ptr_nonnull(file);
	return file;
}

static struct af_file *containing(const char *text, const char *mode)
{
	make_file("file", text, 0600);
	return opened("file", mode);
}

static void close_all(struct af_file *file)
{
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}

static struct af_future *reading(struct af_file *file, size_t size)
{
	return af_file_read(file, size, 0, NULL);
}

static struct af_future *writing(struct af_file *file, const char *text)
{
	return af_file_write(file, text, strlen(text), AFIO_FULL, NULL);
}

START_TEST(disk_read_ends_as_the_table_says)
{
	struct af_file *file;

	open_way(_i);
	file = containing("one two three four", "r");
	expect_text(&rig, reading(file, 3), "one", 0);
	expect_text(&rig, af_file_read(file, 5, AFIO_FULL, MS(20000)), " two ",
		    0);
	expect_text(&rig, af_file_read(file, 99, AFIO_FULL, NULL), "three four",
		    AFIO_EOF);
	expect_text(&rig, reading(file, 9), "", AFIO_EOF);
	expect_text(&rig, reading(file, 0), "", AFIO_EOF);
	ck_assert_int_eq(af_file_seek(file, 4, SEEK_SET), 4);
	expect_text(&rig, reading(file, 0), "two three four", AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(disk_lines_and_delimiters_end_as_the_table_says)
{
	struct af_file *file;

	open_way(_i);
	file = containing("one\nlong line\nuntil--rest", "r");
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "one\n", 0);
	expect_text(&rig, af_file_readline(file, 4, 0, AFIO_FULL, NULL), "long",
		    AFIO_TRUNCATED);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, MS(20000)), " line\n",
		    0);
	expect_text(&rig, af_file_read_until(file, "--", 2, 0, 0, NULL),
		    "until--", 0);
	expect_text(&rig, af_file_read_until(file, "--", 2, 0, 0, NULL), "rest",
		    AFIO_EOF);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "", AFIO_EOF);
	close_all(file);
}
END_TEST

static int collect(const char *data, size_t len, void *arg)
{
	strncat(arg, data, len);
	strcat(arg, "|");
	return 0;
}

START_TEST(disk_each_line_gets_every_line)
{
	char got[99] = "";
	struct af_file *file;

	open_way(_i);
	file = containing("a\nbc\n\nd", "r");
	expect_count(&rig, af_file_each_line(file, collect, got), 7, AFIO_EOF);
	ck_assert_str_eq(got, "a\n|bc\n|\n|d|");
	close_all(file);
}
END_TEST

START_TEST(disk_large_file_is_read_and_written_whole)
{
	size_t len =
		ways[_i / DRIVE_COUNT].slow.write_max ? 9999 : 5 * PIECE + 1;
	unsigned char *data = malloc(len);
	struct af_file *file;

	open_way(_i);
	pattern_fill(data, len, 0);
	file = opened("file", "w+");
	expect_count(&rig, af_file_write(file, data, len, AFIO_FULL, NULL), len,
		     0);
	ck_assert_int_eq(af_file_size(file), (off_t)len);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), (off_t)len);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	expect_data_pattern(&rig, reading(file, 0), len, 0, AFIO_EOF);
	close_all(file);
	free(data);
}
END_TEST

START_TEST(disk_write_ends_as_the_table_says)
{
	struct evbuffer *buffer = evbuffer_new();
	struct af_file *file;
	size_t n;
	struct af_future *f;

	open_way(_i);
	file = containing("", "w");
	f = af_file_write(file, "0123456789", 10, 0, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	n = af_future_count(f);
	ck_assert(n > 0 && n <= 10);
	af_future_unref(f);
	expect_count(&rig,
		     af_file_write(file, &"0123456789"[n], 10 - n,
				   AFIO_FULL | AFIO_BORROW, MS(20000)),
		     10 - n, 0);
	evbuffer_add(buffer, "abc", 3);
	evbuffer_add_reference(buffer, "def", 3, NULL, NULL);
	f = af_file_write_buffer(file, buffer, AFIO_FULL, NULL);
	evbuffer_free(buffer);
	expect_count(&rig, f, 6, 0);
	expect_count(&rig, writing(file, ""), 0, 0);
	expect_count(&rig, af_file_sync(file, NULL), 0, 0);
	expect_file("file", "0123456789abcdef");
	close_all(file);
}
END_TEST

START_TEST(disk_writes_queued_go_out_in_call_order)
{
	struct af_future *parts[3];
	struct af_file *file;

	open_way(_i);
	file = containing("start ", "a");
	parts[0] = writing(file, "one ");
	parts[1] = writing(file, "two ");
	parts[2] = writing(file, "three");
	for (int i = 2; i >= 0; i--) {
		ck_assert_int_eq(drive(&rig, parts[i]), 0);
		af_future_unref(parts[i]);
	}
	expect_file("file", "start one two three");
	close_all(file);
}
END_TEST

/* Both directions have one position, and it is where operations ended. */
START_TEST(disk_write_goes_where_the_reads_ended)
{
	struct af_file *file;

	open_way(_i);
	file = containing("one\ntwo\nthree\n", "r+");
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "one\n", 0);
	expect_count(&rig, writing(file, "TWO"), 3, 0);
	expect_text(&rig, reading(file, 3), "\nth", 0);
	ck_assert_int_eq(af_file_seek(file, 1, SEEK_CUR), 11);
	expect_count(&rig, writing(file, "E"), 1, 0);
	expect_text(&rig, reading(file, 0), "e\n", AFIO_EOF);
	expect_count(&rig, writing(file, "end"), 3, 0);
	expect_file("file", "one\nTWO\nthrEe\nend");
	close_all(file);
}
END_TEST

START_TEST(disk_read_and_write_at_once_do_not_mix)
{
	static char ones[3 * 262144];
	struct af_future *read, *write;
	struct af_file *file;
	size_t len = ways[_i / DRIVE_COUNT].slow.write_max ? 99 : sizeof ones;

	open_way(_i);
	memset(ones, '1', len);
	file = containing("abcdef", "r+");
	write = af_file_write(file, ones, len, AFIO_FULL, NULL);
	read = reading(file, 9);
	expect_count(&rig, write, len, 0);
	expect_text(&rig, read, "", AFIO_EOF);
	ck_assert_int_eq(af_file_size(file), (off_t)len);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	read = af_file_read(file, len, AFIO_FULL, NULL);
	write = writing(file, "2");
	expect_bytes(&rig, read, ones, len, 0);
	expect_count(&rig, write, 1, 0);
	ck_assert_int_eq(af_file_size(file), (off_t)len + 1);
	close_all(file);
}
END_TEST

START_TEST(disk_file_that_grows_is_read_on)
{
	struct af_file *file;
	int fd;

	open_way(_i);
	file = containing("one\nt", "r");
	fd = open("file", O_WRONLY | O_APPEND | O_CLOEXEC);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "one\n", 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "t", AFIO_EOF);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "", AFIO_EOF);
	put_text(fd, "wo\nthree");
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "wo\n", 0);
	expect_text(&rig, reading(file, 9), "three", 0);
	expect_text(&rig, reading(file, 9), "", AFIO_EOF);
	close(fd);
	close_all(file);
}
END_TEST

START_TEST(disk_position_is_where_the_reads_ended)
{
	struct evbuffer *unread = evbuffer_new();
	struct af_file *file;
	int fd, other;

	open_way(_i);
	make_file("file", "one\ntwo\nthree\nfour", 0600);
	fd = open("file", O_RDONLY | O_CLOEXEC);
	other = dup(fd);
	file = af_file_new(rig.loop, fd, 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "one\n", 0);
	ck_assert_int_eq(af_file_detach(file, unread), fd);
	ck_assert_uint_eq(evbuffer_get_length(unread), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 4);
	evbuffer_free(unread);
	file = af_file_new(rig.loop, fd, AFIO_KEEP_FD);
	ck_assert_int_eq(af_file_fd(file), fd);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "two\n", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 8);
	file = af_file_new(rig.loop, fd, 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "three\n", 0);
	close_all(file);
	ck_assert_int_eq(lseek(other, 0, SEEK_CUR), 14);
	close(other);
}
END_TEST

/* "read error with some data: success; the next read has the error" */
START_TEST(disk_read_error_follows_the_data)
{
	struct slow slow = { .now = NOW_COLD, .read = { EIO, 1 } };
	struct af_file *file;

	open_cold(_i);
	file = containing("abc", "r");
	slow_set(&slow);
	expect_text(&rig, af_file_read(file, 9, AFIO_FULL, NULL), "abc", 0);
	expect_error(&rig, reading(file, 9), -EIO);
	expect_text(&rig, reading(file, 9), "", AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(disk_write_error_says_what_went_out)
{
	static const int errors[] = { ENOSPC, EIO, EDQUOT };
	static char data[3 * 262144];
	struct af_file *file;
	struct af_future *f;

	for (int i = 0; i < 3; i++) {
		struct slow slow = { .now = NOW_COLD,
				     .write = { errors[i], 2 } };

		open_cold(_i);
		file = containing("", "w");
		slow_set(&slow);
		f = af_file_write(file, data, sizeof data, AFIO_FULL, NULL);
		ck_assert_int_eq(drive(&rig, f), -errors[i]);
		ck_assert_uint_eq(af_future_count(f), 2 * PIECE);
		af_future_unref(f);
		expect_count(&rig, writing(file, "x"), 1, 0);
		ck_assert_int_eq(af_file_size(file), (off_t)(2 * PIECE + 1));
		close_all(file);
	}
}
END_TEST

/* Another operation of the loop, to see that it goes on. */
static void expect_life(void)
{
	int64_t start = now_us();

	expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	expect_elapsed(start, 1);
}

START_TEST(disk_read_stuck_keeps_its_deadline_and_loses_nothing)
{
	int64_t start = now_us();
	struct af_file *file;

	open_cold(_i);
	file = containing("abcdef", "r");
	slow_stop(0);
	expect_error(&rig, af_file_read(file, 3, 0, MS(20)), -ETIMEDOUT);
	expect_elapsed(start, 20);
	slow_expect(1);
	expect_life();
	expect_error(&rig, af_file_read(file, 3, 0, MS(0)), -ETIMEDOUT);
	expect_error(&rig, af_file_readline(file, 0, 0, 0, MS(1)), -ETIMEDOUT);
	slow_go();
	expect_text(&rig, reading(file, 3), "abc", 0);
	expect_text(&rig, reading(file, 0), "def", AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(disk_read_stuck_in_the_middle_has_what_came)
{
	struct af_file *file;
	size_t len = 400000, n;
	struct af_future *f;
	int fd;

	open_cold(_i);
	fd = open_file("file");
	put_pattern(fd, len, 0);
	close(fd);
	file = opened("file", "r");
	slow_stop(1);
	f = af_file_read(file, len, AFIO_FULL, MS(100));
	ck_assert_int_eq(drive(&rig, f), 0);
	n = af_future_count(f);
	ck_assert(n > 0 && n < len);
	expect_data_pattern(&rig, f, n, 0, AFIO_TIMEDOUT);
	slow_go();
	expect_data_pattern(&rig, reading(file, 0), len - n, n, AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(disk_read_stuck_can_be_cancelled_and_loses_nothing)
{
	struct af_future *f;
	struct af_file *file;

	open_cold(_i);
	file = containing("abcdef", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_life();
	slow_go();
	expect_text(&rig, reading(file, 0), "abcdef", AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(disk_end_seen_for_nobody_is_looked_at_again)
{
	struct af_file *file;
	struct af_future *f;
	int fd;

	open_cold(_i);
	file = containing("", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	slow_go();
	while (af_file_seek(file, 0, SEEK_CUR) == -EBUSY)
		expect_life();
	fd = open("file", O_WRONLY | O_CLOEXEC);
	put_text(fd, "abc");
	close(fd);
	expect_text(&rig, reading(file, 9), "abc", 0);
	close_all(file);
}
END_TEST

START_TEST(disk_write_stuck_does_not_confuse_the_next)
{
	struct af_future *f;
	struct af_file *file;

	open_cold(_i);
	file = containing("", "w");
	slow_stop(0);
	f = writing(file, "abc");
	slow_expect(1);
	af_future_cancel(f);
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	af_future_unref(f);
	f = writing(file, "de");
	expect_life();
	slow_go();
	expect_count(&rig, f, 2, 0);
	expect_file("file", "abcde");
	close_all(file);
}
END_TEST

START_TEST(disk_write_not_begun_is_called_back)
{
	struct af_file *file, *other;
	struct af_future *f, *g;

	open_cold(_i);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 1), 0);
	file = containing("", "w");
	other = opened("other", "w");
	slow_stop(0);
	f = writing(file, "abc");
	slow_expect(1);
	g = writing(other, "never");
	af_future_cancel(g);
	ck_assert_uint_eq(af_future_count(g), 0);
	expect_error(&rig, g, -ECANCELED);
	slow_go();
	expect_count(&rig, f, 3, 0);
	expect_count(&rig, writing(other, "x"), 1, 0);
	expect_file("other", "x");
	ck_assert_int_eq(af_file_close(other), 0);
	close_all(file);
}
END_TEST

START_TEST(disk_write_that_failed_for_nobody_is_told_to_the_next)
{
	struct slow slow = { .now = NOW_COLD, .write = { EIO, 0 } };

	for (int sync = 0; sync < 2; sync++) {
		struct af_file *file;
		struct af_future *f;

		open_cold(_i);
		file = containing("", "w");
		slow_set(&slow);
		slow_stop(0);
		f = writing(file, "abc");
		slow_expect(1);
		af_future_cancel(f);
		af_future_unref(f);
		slow_go();
		if (sync)
			expect_error(&rig, af_file_sync(file, NULL), -EIO);
		else
			expect_error(&rig, writing(file, "d"), -EIO);
		expect_count(&rig, writing(file, "e"), 1, 0);
		expect_count(&rig, af_file_sync(file, NULL), 0, 0);
		expect_file("file", "e");
		close_all(file);
	}
}
END_TEST

/* The piece in the worker's hands is in the count. */
START_TEST(disk_write_stuck_counts_the_piece_under_way)
{
	static unsigned char data[3 * 262144];
	struct evbuffer *buffer = evbuffer_new();
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	pattern_fill(data, sizeof data, 0);
	file = containing("", "w+");
	slow_stop(1);
	f = af_file_write(file, data, sizeof data, AFIO_FULL, MS(50));
	expect_count(&rig, f, 2 * PIECE, AFIO_TIMEDOUT);
	/* The next is not begun, and so not one byte of it. */
	expect_error(&rig, af_file_write(file, data, 9, AFIO_FULL, MS(5)),
		     -ETIMEDOUT);
	slow_go();
	expect_count(&rig, af_file_sync(file, NULL), 0, 0);
	ck_assert_int_eq(af_file_size(file), (off_t)(2 * PIECE));
	slow_stop(0);
	evbuffer_add(buffer, data + 2 * PIECE, PIECE);
	f = af_file_write_buffer(file, buffer, AFIO_FULL, NULL);
	evbuffer_add(buffer, "more", 4);
	slow_expect(1);
	af_future_cancel(f);
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), PIECE);
	ck_assert_uint_eq(evbuffer_get_length(af_future_buffer(f)), 0);
	af_future_unref(f);
	slow_go();
	expect_count(&rig, af_file_sync(file, NULL), 0, 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	expect_data_pattern(&rig, reading(file, 0), 3 * PIECE, 0, AFIO_EOF);
	evbuffer_free(buffer);
	close_all(file);
}
END_TEST

START_TEST(disk_copy_stuck_takes_no_byte_twice)
{
	struct af_file *from, *to;
	struct af_future *f;

	open_cold(_i);
	from = containing("abcdef", "r");
	to = opened("other", "w");
	/* Reading goes well, and writing does not. */
	slow_stop(1);
	/* All of it is with the kernel: nothing has timed out. */
	f = af_file_copy(from, to, 4, MS(50));
	expect_count(&rig, f, 4, 0);
	slow_go();
	expect_count(&rig, af_file_copy(from, to, -1, NULL), 2, AFIO_EOF);
	expect_file("other", "abcdef");
	ck_assert_int_eq(af_file_close(to), 0);
	close_all(from);
}
END_TEST

/*
 * What the stuck write has counts as copied, and is not handed out as unread,
 * too. Index: whether the source is on disk, and who drives.
 */
START_TEST(disk_copy_stuck_with_its_source_detached_takes_no_byte_twice)
{
	struct evbuffer *unread = evbuffer_new();
	struct af_file *from, *to;
	struct af_future *f;
	char text[9] = "";
	int fd;

	open_cold(_i % DRIVE_COUNT);
	if (_i < DRIVE_COUNT) {
		put_text(rig.out, "abcdef");
		from = rig_reader(&rig);
		rig.reader = NULL;
	} else {
		from = containing("abcdef", "r");
	}
	to = opened("other", "w");
	/* The source's read goes well, if it takes a worker. */
	slow_stop(_i >= DRIVE_COUNT);
	f = af_file_copy(from, to, 4, NULL);
	while (slow_calls() < (_i < DRIVE_COUNT ? 1 : 2))
		turn(&rig);
	slow_expect(1);
	fd = af_file_detach(from, unread);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), 4);
	af_future_unref(f);
	if (_i < DRIVE_COUNT)
		ck_assert_int_eq(evbuffer_remove(unread, text, 8), 2);
	else
		ck_assert_int_eq(read(fd, text, 8), 2);
	ck_assert_str_eq(text, "ef");
	ck_assert_uint_eq(evbuffer_get_length(unread), 0);
	evbuffer_free(unread);
	close(fd);
	slow_go();
	expect_count(&rig, af_file_sync(to, NULL), 0, 0);
	expect_file("other", "abcd");
	close_all(to);
}
END_TEST

/* It would be the loop that waits, in splice(2). */
START_TEST(disk_copy_to_a_pipe_waits_in_a_worker)
{
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = containing("abcdef", "r");
	rig_writer(&rig);
	slow_stop(0);
	f = af_file_copy(file, rig.writer, -1, NULL);
	slow_expect(1);
	expect_life();
	ck_assert(!af_future_is_done(f));
	slow_go();
	expect_count(&rig, f, 6, AFIO_EOF);
	rig_hang_up(&rig);
	rig_reader(&rig);
	expect_text(&rig, reading(rig.reader, 0), "abcdef", AFIO_EOF);
	close_all(file);
}
END_TEST

/* Index: a way, and who drives. */
START_TEST(disk_copy_from_and_to_a_pipe_is_whole)
{
	size_t len = ways[_i / DRIVE_COUNT].slow.write_max ? 999 : 300000;
	struct af_file *from, *to;
	struct af_future *f;
	int fd;

	open_way(_i);
	from = opened("from", "w+");
	fd = open_file("from");
	put_pattern(fd, len, 0);
	close(fd);
	rig_writer(&rig);
	rig_reader(&rig);
	f = af_file_copy(from, rig.writer, (off_t)len, NULL);
	to = opened("to", "w+");
	expect_count(&rig, af_file_copy(rig.reader, to, (off_t)len, NULL), len,
		     0);
	expect_count(&rig, f, len, 0);
	ck_assert_int_eq(af_file_seek(to, 0, SEEK_SET), 0);
	expect_data_pattern(&rig, reading(to, 0), len, 0, AFIO_EOF);
	ck_assert_int_eq(af_file_close(to), 0);
	rig_hang_up(&rig);
	close_all(from);
}
END_TEST

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* The worker, or the loop when it is told, closes it. */
static void expect_closed(int fd)
{
	while (is_open(fd))
		expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
}

START_TEST(disk_close_stuck_returns_and_the_descriptor_follows)
{
	struct af_file *file;
	struct af_future *f;
	int fd;

	open_cold(_i % DRIVE_COUNT);
	file = containing("abc", "r+");
	fd = af_file_fd(file);
	slow_stop(0);
	f = _i < DRIVE_COUNT ? reading(file, 9) : writing(file, "x");
	slow_expect(1);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	af_future_unref(f);
	expect_life();
	ck_assert(is_open(fd));
	slow_go();
	expect_closed(fd);
	expect_file("file", _i < DRIVE_COUNT ? "abc" : "xbc");
	rig_close(&rig);
}
END_TEST

START_TEST(disk_close_stuck_leaves_a_kept_descriptor)
{
	struct af_file *file;
	struct af_future *f;
	int fd, other;

	open_cold(_i);
	make_file("file", "abcdef", 0600);
	fd = open("file", O_RDONLY | O_CLOEXEC);
	other = dup(fd);
	file = af_file_new(rig.loop, fd, AFIO_KEEP_FD);
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_error(&rig, f, -ECANCELED);
	/* The worker has one of its own: this one is free to go. */
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(open("/dev/null", O_RDONLY | O_CLOEXEC), fd);
	slow_go();
	expect_closed(other + 1);
	/* Read for nobody: as if it had not been. */
	ck_assert_int_eq(lseek(other, 0, SEEK_CUR), 0);
	ck_assert_int_eq(close(other), 0);
	ck_assert_int_eq(close(fd), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(disk_detach_or_seek_stuck_is_busy)
{
	struct af_file *file;
	struct af_future *f;
	char text[9] = "";
	int fd;

	open_cold(_i);
	file = containing("abcdef", "r");
	fd = af_file_fd(file);
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -EBUSY);
	ck_assert_int_eq(af_file_detach(file, NULL), -EBUSY);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -EBUSY);
	ck_assert_int_eq(af_file_detach(file, NULL), -EBUSY);
	slow_go();
	expect_text(&rig, reading(file, 3), "abc", 0);
	ck_assert_int_eq(af_file_detach(file, NULL), fd);
	ck_assert_int_eq(read(fd, text, 8), 3);
	ck_assert_str_eq(text, "def");
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(disk_unread_stuck_is_busy)
{
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = containing("abcdef", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	ck_assert_int_eq(af_file_unread(file, "x", 1), -EBUSY);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(af_file_unread(file, "x", 1), -EBUSY);
	slow_go();
	expect_text(&rig, af_file_peek(file, 4, NULL), "abcd", 0);
	expect_text(&rig, reading(file, 3), "abc", 0);
	ck_assert_int_eq(af_file_unread(file, "xyz", 3), 0);
	expect_text(&rig, reading(file, 3), "xyz", 0);
	expect_text(&rig, reading(file, 4), "def", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* Index: whether it is closed before or after the worker has come back. */
START_TEST(disk_loop_freed_stuck_returns_and_the_file_can_be_closed)
{
	struct af_file *file;
	struct af_future *f;
	int fd;

	open_cold(DRIVE_AWAIT);
	file = containing("abc", "r");
	fd = af_file_fd(file);
	slow_stop(0);
	f = reading(file, 9);
	slow_expect(1);
	rig_close(&rig);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	ck_assert_int_eq(af_file_detach(file, NULL), -EBUSY);
	if (_i == 0)
		ck_assert_int_eq(af_file_close(file), 0);
	ck_assert(is_open(fd));
	slow_go();
	if (_i == 0) {
		while (is_open(fd))
			sched_yield();
		return;
	}
	while (af_file_detach(file, NULL) == -EBUSY)
		sched_yield();
	ck_assert(is_open(fd));
	close(fd);
}
END_TEST

START_TEST(disk_loop_freed_with_a_job_queued_drops_it)
{
	struct af_file *files[2];
	int fd;

	open_cold(DRIVE_AWAIT);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 1), 0);
	files[0] = containing("abc", "r");
	files[1] = opened("file", "r");
	fd = af_file_fd(files[0]);
	slow_stop(0);
	for (int i = 0; i < 2; i++)
		af_future_unref(reading(files[i], 9));
	slow_expect(1);
	rig_close(&rig);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
	slow_go();
	while (is_open(fd))
		sched_yield();
	ck_assert_uint_eq(slow_calls(), 1);
}
END_TEST

static void *go_when_stuck(void *arg)
{
	slow_expect(1);
	slow_go();
	return arg;
}

static void await_stuck_read(void *arg)
{
	struct stage *stage = arg;
	struct af_file *file = af_file_open(stage->loop, "file", "r+");
	struct af_future *f;
	pthread_t thread;

	ck_assert_ptr_nonnull(file);
	slow_stop(0);
	f = reading(file, 3);
	ck_assert_int_eq(pthread_create(&thread, NULL, go_when_stuck, NULL), 0);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "abc");
	af_future_unref(f);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	f = writing(file, "DEF");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	ck_assert_int_eq(af_file_close(file), 0);
}

START_TEST(await_of_a_stuck_read_from_anywhere_ends_with_it)
{
	struct slow slow = { .now = NOW_COLD };
	struct stage stage;

	make_file("file", "abcdef", 0600);
	slow_set(&slow);
	stage_open(&stage, _i);
	stage_play(&stage, await_stuck_read, &stage);
	stage_close(&stage);
	expect_file("file", "abcDEF");
}
END_TEST

/* Began outside, where it would come back to the base that waits meanwhile. */
struct moved {
	struct stage stage;
	struct af_future *read;
};

static void await_earlier_read(void *arg)
{
	struct moved *moved = arg;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, go_when_stuck, NULL), 0);
	ck_assert_int_eq(af_await(moved->read), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(await_of_an_earlier_stuck_read_from_anywhere_ends_with_it)
{
	struct slow slow = { .now = NOW_COLD };
	struct moved moved;
	struct af_file *file;

	make_file("file", "abcdef", 0600);
	slow_set(&slow);
	stage_open(&moved.stage, _i);
	file = af_file_open(moved.stage.loop, "file", "r");
	slow_stop(0);
	moved.read = reading(file, 3);
	stage_play(&moved.stage, await_earlier_read, &moved);
	ck_assert_str_eq(af_future_data(moved.read, NULL), "abc");
	af_future_unref(moved.read);
	ck_assert_int_eq(af_file_close(file), 0);
	stage_close(&moved.stage);
}
END_TEST

/* How many threads there are that are the library's. */
static int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	while ((entry = readdir(dir))) {
		char path[300], name[32] = "";
		FILE *comm;

		snprintf(path, sizeof path, "/proc/self/task/%s/comm",
			 entry->d_name);
		comm = fopen(path, "re");
		if (!comm)
			continue;
		if (fgets(name, sizeof name, comm))
			n += strcmp(name, "asyncfile\n") == 0;
		fclose(comm);
	}
	closedir(dir);
	return n;
}

#define MANY 8

START_TEST(workers_are_as_many_as_allowed_and_end_when_idle)
{
	static const unsigned sizes[] = { 1, 2, 4, 16 };
	unsigned size = sizes[_i], expected = size < MANY ? size : MANY;
	struct af_file *files[MANY];
	struct af_future *reads[MANY];

	open_cold(DRIVE_AWAIT);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, size), 0);
	make_file("file", "abc", 0600);
	ck_assert_int_eq(threads(), 0);
	slow_stop(0);
	for (int i = 0; i < MANY; i++) {
		files[i] = opened("file", "r");
		reads[i] = reading(files[i], 3);
	}
	slow_expect(expected);
	expect_life();
	ck_assert_int_eq(threads(), (int)expected);
	slow_go();
	for (int i = 0; i < MANY; i++) {
		expect_text(&rig, reads[i], "abc", 0);
		ck_assert_int_eq(af_file_close(files[i]), 0);
	}
	ck_assert_uint_eq(slow_most(), expected);
	while (threads() > 0)
		expect_life();
	rig_close(&rig);
}
END_TEST

START_TEST(workers_fewer_than_before_end)
{
	struct af_file *files[4];
	struct af_future *reads[4];

	open_cold(DRIVE_AWAIT);
	make_file("file", "abc", 0600);
	slow_stop(0);
	for (int i = 0; i < 4; i++) {
		files[i] = opened("file", "r");
		reads[i] = reading(files[i], 3);
	}
	slow_expect(4);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, (unsigned)_i), 0);
	slow_go();
	for (int i = 0; i < 4; i++) {
		expect_text(&rig, reads[i], "abc", 0);
		ck_assert_int_eq(af_file_close(files[i]), 0);
	}
	while (threads() > _i)
		expect_life();
	rig_close(&rig);
}
END_TEST

START_TEST(workers_have_all_signals_blocked)
{
	struct af_file *file;
	struct af_future *f;
	sigset_t set;
	char path[300], line[200];
	unsigned long long blocked = 0;
	DIR *dir;
	struct dirent *entry;

	open_cold(DRIVE_AWAIT);
	file = containing("abc", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	sigemptyset(&set);
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	ck_assert(!sigismember(&set, SIGUSR1));
	dir = opendir("/proc/self/task");
	while ((entry = readdir(dir))) {
		FILE *status;

		if (atoi(entry->d_name) == getpid() || entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/status",
			 entry->d_name);
		status = fopen(path, "re");
		while (fgets(line, sizeof line, status))
			sscanf(line, "SigBlk: %llx", &blocked);
		fclose(status);
	}
	closedir(dir);
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			ck_assert_msg(blocked >> (sig - 1) & 1, "%d", sig);
	slow_go();
	expect_text(&rig, f, "abc", 0);
	close_all(file);
}
END_TEST

#define CROWD 1000

START_TEST(thousand_files_at_once_are_all_read)
{
	static struct af_file *files[CROWD];
	static struct af_future *reads[CROWD];
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 2000;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	open_cold(_i);
	for (int i = 0; i < CROWD; i++) {
		char name[20];

		snprintf(name, sizeof name, "file%d", i);
		make_file(name, name, 0600);
		files[i] = opened(name, "r");
		reads[i] = af_file_read(files[i], 0, 0, NULL);
		af_future_ref(reads[i]);
	}
	expect_count(&rig, af_all(rig.loop, reads, CROWD), 0, 0);
	for (int i = 0; i < CROWD; i++) {
		char name[20];

		snprintf(name, sizeof name, "file%d", i);
		ck_assert_str_eq(af_future_data(reads[i], NULL), name);
		af_future_unref(reads[i]);
		ck_assert_int_eq(af_file_close(files[i]), 0);
	}
	ck_assert_uint_le(slow_most(), AFIO_MAX_WORKERS);
	rig_close(&rig);
}
END_TEST

START_TEST(disk_sync_waits_for_the_writes_before_it)
{
	struct slow slow = { .now = NOW_COLD, .sync = { EIO, 1 } };
	struct af_future *write, *sync;
	struct af_file *file;

	open_cold(_i);
	slow_set(&slow);
	file = containing("", "w");
	slow_stop(0);
	write = writing(file, "abc");
	sync = af_file_sync(file, NULL);
	slow_expect(1);
	expect_life();
	ck_assert_uint_eq(slow_calls(), 1);
	ck_assert(!af_future_is_done(sync));
	slow_go();
	expect_count(&rig, write, 3, 0);
	expect_count(&rig, sync, 0, 0);
	ck_assert_uint_eq(slow_calls(), 2);
	expect_error(&rig, af_file_sync(file, NULL), -EIO);
	slow_stop(0);
	expect_error(&rig, af_file_sync(file, MS(5)), -ETIMEDOUT);
	expect_error(&rig, af_file_sync(file, MS(0)), -ETIMEDOUT);
	sync = af_file_sync(file, NULL);
	af_future_cancel(sync);
	expect_error(&rig, sync, -ECANCELED);
	slow_go();
	expect_count(&rig, writing(file, "d"), 1, 0);
	close_all(file);
}
END_TEST

/* For who takes bytes from the descriptor himself: see lib/file.h. */
static ssize_t prepare(struct af_file *file, size_t len)
{
	return file->transport->prepare(file, len);
}

START_TEST(disk_prepare_has_a_worker_bring_what_is_cold)
{
	struct slow slow = { .now = NOW_AS_EVER };
	struct af_file *file;
	ssize_t n;

	open_cold(DRIVE_AWAIT);
	file = containing("abcdef", "r");
	slow_stop(0);
	ck_assert_int_eq(prepare(file, 6), -EAGAIN);
	slow_expect(1);
	ck_assert_int_eq(prepare(file, 6), -EAGAIN);
	slow_go();
	while ((n = prepare(file, 6)) == -EAGAIN)
		expect_life();
	ck_assert_int_eq(n, 6);
	ck_assert_uint_eq(slow_calls(), 1);
	/* What is known to be there, and what is not asked for anew. */
	ck_assert_int_eq(prepare(file, 1 << 20), 6);
	ck_assert_int_eq(af_file_seek(file, 1, SEEK_SET), 1);
	slow_set(&slow);
	while ((n = prepare(file, 1 << 20)) == -EAGAIN)
		expect_life();
	ck_assert_int_eq(n, 1 << 20);
	expect_text(&rig, reading(file, 0), "bcdef", AFIO_EOF);
	close_all(file);
}
END_TEST

/* A slot of its own is free again then: nothing of it is taken for a read. */
START_TEST(disk_prepare_without_workers_does_it_here)
{
	struct af_file *file;

	open_way(3 * DRIVE_COUNT);
	file = containing("abcdef", "r");
	ck_assert_int_eq(prepare(file, 4), 4);
	ck_assert_int_eq(prepare(file, 6), 4);
	expect_text(&rig, reading(file, 0), "abcdef", AFIO_EOF);
	close_all(file);
}
END_TEST

/* Nobody waits for it: a loop does not go on for it. */
START_TEST(run_with_only_a_stuck_job_left_returns)
{
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = containing("abc", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	af_future_cancel(f);
	af_future_unref(f);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_ge(event_base_dispatch(af_loop_base(rig.loop)), 0);
	slow_go();
	expect_text(&rig, reading(file, 3), "abc", 0);
	close_all(file);
}
END_TEST

/* Check itself writes to a file. */
#define LIMIT (1 << 20)

START_TEST(disk_write_past_the_limit_is_efbig_without_a_signal)
{
	struct rlimit limit;
	struct af_file *file;
	struct af_future *f;

	open_way(_i);
	file = containing("", "w");
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = LIMIT;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(af_file_seek(file, LIMIT - 1000, SEEK_SET),
			 LIMIT - 1000);
	f = af_file_write(file, (char[1500]){ 0 }, 1500, AFIO_FULL, NULL);
	ck_assert_int_eq(drive(&rig, f), -EFBIG);
	ck_assert_uint_eq(af_future_count(f), 1000);
	af_future_unref(f);
	expect_error(&rig, writing(file, "x"), -EFBIG);
	close_all(file);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("slow");
	TCase *tc = scratch_case(s, "slow");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(disk_read_ends_as_the_table_says, ALL_WAYS);
	ADD(disk_lines_and_delimiters_end_as_the_table_says, ALL_WAYS);
	ADD(disk_each_line_gets_every_line, ALL_WAYS);
	ADD(disk_large_file_is_read_and_written_whole, ALL_WAYS);
	ADD(disk_write_ends_as_the_table_says, ALL_WAYS);
	ADD(disk_writes_queued_go_out_in_call_order, ALL_WAYS);
	ADD(disk_write_goes_where_the_reads_ended, ALL_WAYS);
	ADD(disk_read_and_write_at_once_do_not_mix, ALL_WAYS);
	ADD(disk_file_that_grows_is_read_on, ALL_WAYS);
	ADD(disk_position_is_where_the_reads_ended, ALL_WAYS);
	ADD(disk_write_past_the_limit_is_efbig_without_a_signal, ALL_WAYS);
	ADD(disk_read_error_follows_the_data, DRIVE_COUNT);
	ADD(disk_write_error_says_what_went_out, DRIVE_COUNT);
	ADD(disk_read_stuck_keeps_its_deadline_and_loses_nothing, DRIVE_COUNT);
	ADD(disk_read_stuck_in_the_middle_has_what_came, DRIVE_COUNT);
	ADD(disk_read_stuck_can_be_cancelled_and_loses_nothing, DRIVE_COUNT);
	ADD(disk_end_seen_for_nobody_is_looked_at_again, DRIVE_COUNT);
	ADD(disk_write_stuck_does_not_confuse_the_next, DRIVE_COUNT);
	ADD(disk_write_not_begun_is_called_back, DRIVE_COUNT);
	ADD(disk_write_stuck_counts_the_piece_under_way, DRIVE_COUNT);
	ADD(disk_copy_stuck_takes_no_byte_twice, DRIVE_COUNT);
	ADD(disk_copy_stuck_with_its_source_detached_takes_no_byte_twice,
	    2 * DRIVE_COUNT);
	ADD(disk_copy_to_a_pipe_waits_in_a_worker, DRIVE_COUNT);
	ADD(disk_copy_from_and_to_a_pipe_is_whole, ALL_WAYS);
	ADD(disk_write_that_failed_for_nobody_is_told_to_the_next, DRIVE_COUNT);
	ADD(disk_close_stuck_returns_and_the_descriptor_follows,
	    2 * DRIVE_COUNT);
	ADD(disk_close_stuck_leaves_a_kept_descriptor, DRIVE_COUNT);
	ADD(disk_detach_or_seek_stuck_is_busy, DRIVE_COUNT);
	ADD(disk_unread_stuck_is_busy, DRIVE_COUNT);
	ADD(disk_loop_freed_stuck_returns_and_the_file_can_be_closed, 2);
	tcase_add_test(tc, disk_loop_freed_with_a_job_queued_drops_it);
	ADD(await_of_a_stuck_read_from_anywhere_ends_with_it, CONTEXT_COUNT);
	ADD(await_of_an_earlier_stuck_read_from_anywhere_ends_with_it,
	    CONTEXT_COUNT);
	ADD(workers_are_as_many_as_allowed_and_end_when_idle, 4);
	ADD(workers_fewer_than_before_end, 3);
	tcase_add_test(tc, workers_have_all_signals_blocked);
	ADD(thousand_files_at_once_are_all_read, DRIVE_COUNT);
	ADD(disk_sync_waits_for_the_writes_before_it, DRIVE_COUNT);
	tcase_add_test(tc, disk_prepare_has_a_worker_bring_what_is_cold);
	tcase_add_test(tc, disk_prepare_without_workers_does_it_here);
	ADD(run_with_only_a_stuck_job_left_returns, DRIVE_COUNT);
	return s;
}
