/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * On-disk files on a disk that is slow or fails: the outcome tables, with and
 * without workers.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/pattern.h"
#include "support/slowrig.h"

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

static int collect(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
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

/* What a worker has read for nobody is nobody's. */
START_TEST(disk_detach_after_a_cancelled_read_moves_the_position_back)
{
	struct evbuffer *unread = evbuffer_new();
	struct af_future *f;
	struct af_file *file;
	int fd;

	open_cold(_i);
	file = containing("abc", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	slow_go();
	while ((fd = af_file_detach(file, unread)) == -EBUSY)
		expect_life();
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(evbuffer_get_length(unread), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
	evbuffer_free(unread);
	rig_close(&rig);
}
END_TEST

START_TEST(disk_seek_during_a_read_or_a_write_fails_ebusy)
{
	const struct slow slow = { .now = NOW_UNSUPPORTED };
	struct af_future *f;
	struct af_file *file;

	open_cold(_i);
	slow_set(&slow);
	file = containing("abc", "r+");
	slow_stop(0);
	f = reading(file, 3);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -EBUSY);
	slow_go();
	expect_text(&rig, f, "abc", 0);
	slow_stop(0);
	f = writing(file, "def");
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -EBUSY);
	slow_go();
	expect_count(&rig, f, 3, 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 6);
	close_all(file);
}
END_TEST

/* Of what was gathered nothing is lost, and a part is not the whole. */
/* Reads without waiting, again and again, until one has an outcome. */
static struct af_future *polling(struct af_file *file)
{
	struct af_future *f;

	for (;;) {
		f = af_file_read(file, 9, 0, MS(0));
		if (drive(&rig, f) != -ETIMEDOUT)
			return f;
		af_future_unref(f);
		expect_life();
	}
}

START_TEST(disk_end_is_found_by_reads_that_do_not_wait)
{
	struct af_file *file;
	int fd;

	open_way(_i);
	file = containing("abc", "r");
	expect_text(&rig, polling(file), "abc", 0);
	expect_text(&rig, polling(file), "", AFIO_EOF);
	expect_text(&rig, polling(file), "", AFIO_EOF);
	fd = open("file", O_WRONLY | O_APPEND | O_CLOEXEC);
	put_text(fd, "def");
	close(fd);
	expect_text(&rig, polling(file), "def", 0);
	expect_text(&rig, polling(file), "", AFIO_EOF);
	ck_assert_int_eq(af_file_seek(file, 4, SEEK_SET), 4);
	expect_text(&rig, polling(file), "ef", 0);
	close_all(file);
}
END_TEST

START_TEST(disk_read_error_follows_the_data)
{
	struct slow slow = { .now = NOW_COLD, .read = { EIO, 1 } };
	struct af_file *file;

	open_cold(_i);
	file = containing("abc", "r");
	slow_set(&slow);
	expect_error(&rig, af_file_read(file, 9, AFIO_FULL, NULL), -EIO);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "abc", AFIO_ERROR);
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

/* Copying into the page cache takes time, too: not all in one call. */
START_TEST(disk_write_of_much_is_made_in_pieces)
{
	static char data[9 << 20];
	struct evbuffer *buf = evbuffer_new();
	struct af_file *file;

	rig_open(&rig, _i);
	file = containing("", "w");
	expect_count(&rig,
		     af_file_write(file, data, sizeof data,
				   AFIO_FULL | AFIO_BORROW, NULL),
		     sizeof data, 0);
	for (size_t i = 0; i < 9; i++)
		evbuffer_add_reference(buf, data, i << 17, NULL, NULL);
	expect_count(&rig, af_file_write_buffer(file, buf, AFIO_FULL, NULL),
		     (size_t)36 << 17, 0);
	evbuffer_free(buf);
	ck_assert_uint_le(slow_longest(), 1 << 20);
	ck_assert_int_eq(af_file_size(file),
			 (off_t)(sizeof data + ((size_t)36 << 17)));
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
	ck_assert_uint_eq(slow_bypassed(), 0);
	ck_assert_int_eq(af_file_seek(to, 0, SEEK_SET), 0);
	expect_data_pattern(&rig, reading(to, 0), len, 0, AFIO_EOF);
	ck_assert_int_eq(af_file_close(to), 0);
	rig_hang_up(&rig);
	close_all(from);
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

/* On a file system whose files workers write, as the first write tells. */
START_TEST(disk_copy_from_disk_to_disk_is_made_in_large_pieces)
{
	const struct slow slow = { .now = NOW_UNSUPPORTED };
	const size_t len = 4 * PIECE;
	char *data = calloc(1, len);
	struct af_file *from, *to;
	unsigned calls;

	open_cold(_i);
	slow_set(&slow);
	ck_assert_ptr_nonnull(data);
	to = opened("to", "w");
	from = opened("from", "w+");
	expect_count(&rig, af_file_write(from, data, len, AFIO_FULL, NULL), len,
		     0);
	ck_assert_int_eq(af_file_seek(from, 0, SEEK_SET), 0);
	calls = slow_calls();
	expect_count(&rig, af_file_copy(from, to, -1, NULL), len, AFIO_EOF);
	/* Reads, writes, the end, and a smaller first piece. */
	ck_assert_uint_le(slow_calls() - calls, 4 + 4 + 1 + 2);
	ck_assert_int_eq(af_file_size(to), (off_t)len);
	ck_assert_int_eq(af_file_close(from), 0);
	close_all(to);
	free(data);
}
END_TEST

/* The bytes before the error are in the same piece. */
START_TEST(disk_copy_whose_source_fails_writes_what_came_before)
{
	const struct slow slow = { .now = NOW_UNSUPPORTED, .read = { EIO, 1 } };
	struct af_file *from, *to;
	struct af_future *f;

	open_way(3 * DRIVE_COUNT + _i); /* without workers: reads follow */
	slow_set(&(struct slow){ .now = NOW_UNSUPPORTED });
	to = opened("to", "w");
	expect_count(&rig, writing(to, "first"), 5, 0);
	from = containing("abc", "r");
	slow_set(&slow);
	f = af_file_copy(from, to, -1, NULL);
	ck_assert_int_eq(drive(&rig, f), -EIO);
	ck_assert_uint_eq(af_future_count(f), 3);
	af_future_unref(f);
	ck_assert_int_eq(af_file_size(to), 5 + 3);
	ck_assert_int_eq(af_file_close(from), 0);
	close_all(to);
}
END_TEST

static unsigned pieces; /* that the filter has passed on */

/* One for each time that it is asked. */
static enum bufferevent_filter_result
pass_slowly(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit,
	    enum bufferevent_flush_mode mode, void *arg)
{
	static bool passed;

	(void)limit;
	(void)mode;
	(void)arg;
	passed = !passed;
	if (!passed || evbuffer_get_length(src) == 0)
		return BEV_NEED_MORE;
	spin(2);
	evbuffer_remove_buffer(src, dst, 100);
	pieces++;
	return BEV_OK;
}

static struct af_file *slow_source(int ret_fds[2])
{
	struct bufferevent *below, *bev;

	make_pair(KIND_SOCKETPAIR, ret_fds);
	evutil_make_socket_nonblocking(ret_fds[0]);
	below = bufferevent_socket_new(af_loop_base(rig.loop), ret_fds[0],
				       BEV_OPT_CLOSE_ON_FREE);
	bev = bufferevent_filter_new(below, pass_slowly, NULL,
				     BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	return af_file_from_bufferevent(rig.loop, bev, 0);
}

/* Otherwise a large piece is gathered for the worker that writes it. */
START_TEST(disk_copy_from_a_slow_filter_gathers_no_longer_than_a_turn)
{
	struct af_file *from, *to;
	struct af_future *f;
	int fds[2];

	open_cold(_i);
	slow_set(&(struct slow){ .now = NOW_UNSUPPORTED });
	to = opened("to", "w");
	expect_count(&rig, writing(to, "x"), 1, 0);
	from = slow_source(fds);
	put_pattern(fds[1], 10000, 0);
	slow_stop(0);
	f = af_file_copy(from, to, 10000, NULL);
	while (pieces == 0)
		turn(&rig);
	slow_expect(1);
	ck_assert_uint_lt(pieces, 5);
	slow_go();
	expect_count(&rig, f, 10000, 0);
	ck_assert_int_eq(af_file_close(from), 0);
	turn(&rig);
	close(fds[1]);
	close_all(to);
}
END_TEST

/* A worker has read them for a read that was cancelled. */
START_TEST(disk_copy_after_a_cancelled_read_begins_with_its_bytes)
{
	struct af_file *file, *other, *to;
	struct af_future *f;
	char got[4] = "";

	open_cold(_i);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 1), 0);
	to = rig_writer(&rig);
	file = containing("abc", "r");
	make_file("other", "x", 0600);
	other = opened("other", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	/* One after the other, by the same worker. */
	f = reading(other, 1);
	slow_go();
	expect_text(&rig, f, "x", 0);
	expect_count(&rig, af_file_copy(file, to, -1, NULL), 3, AFIO_EOF);
	get(rig.in, got, 3);
	ck_assert_str_eq(got, "abc");
	ck_assert_int_eq(af_file_close(other), 0);
	close_all(file);
}
END_TEST

/* More pieces than a turn has. */
START_TEST(disk_peek_of_much_has_all_of_it)
{
	const size_t len = 20 * PIECE;
	char *zeroes = calloc(1, len);
	struct af_file *file;

	ck_assert_ptr_nonnull(zeroes);
	open_way(3 * DRIVE_COUNT + _i); /* without workers: reads follow */
	make_file("file", "", 0600);
	ck_assert_int_eq(truncate("file", (off_t)len), 0);
	file = opened("file", "r");
	expect_bytes(&rig, af_file_peek(file, len, NULL), zeroes, len, 0);
	expect_bytes(&rig, af_file_read(file, len, AFIO_FULL, NULL), zeroes,
		     len, 0);
	close_all(file);
	free(zeroes);
}
END_TEST

static struct af_future *filling;
static int cancels;

static void cancel_filling(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	if (cancels++ == 0)
		af_future_cancel(filling);
}

/* It gathers a large piece, and code of the program runs meanwhile. */
START_TEST(disk_copy_cancelled_while_it_gathers_takes_no_more)
{
	static const char bytes[1 << 16];
	const struct slow slow = { .now = NOW_UNSUPPORTED };
	struct bufferevent *bevs[2];
	struct af_file *from, *to;

	open_cold(_i);
	slow_set(&slow);
	to = opened("to", "w");
	expect_count(&rig, writing(to, "first"), 5, 0);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, bevs),
			 0);
	from = af_file_from_bufferevent(rig.loop, bevs[0], 0);
	cancels = 0;
	filling = af_file_copy(from, to, -1, NULL);
	bufferevent_enable(bevs[1], EV_WRITE);
	for (int i = 0; i < 3; i++)
		evbuffer_add_reference(bufferevent_get_output(bevs[1]), bytes,
				       sizeof bytes, cancel_filling, NULL);
	expect_error(&rig, filling, -ECANCELED);
	ck_assert_int_eq(cancels, 1);
	ck_assert_int_eq(af_file_size(to), 5);
	expect_bytes(&rig, af_file_read(from, sizeof bytes, AFIO_FULL, NULL),
		     bytes, sizeof bytes, 0);
	bufferevent_free(bevs[1]);
	ck_assert_int_eq(af_file_close(from), 0);
	close_all(to);
}
END_TEST

#ifdef HAVE_RWF
START_TEST(disk_reads_in_a_row_are_read_ahead_until_a_seek)
{
	const size_t len = 8 * PIECE;
	char *data = calloc(1, len);
	struct af_file *file;
	unsigned before;

	open_way(_i);
	ck_assert_ptr_nonnull(data);
	file = opened("file", "w+");
	expect_count(&rig, af_file_write(file, data, len, AFIO_FULL, NULL), len,
		     0);
	slow_set(&(struct slow){ .now = NOW_UNSUPPORTED });
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(af_file_seek(file, i, SEEK_SET), i);
		before = slow_ahead();
		expect_count(&rig, reading(file, 1), 1, 0);
		ck_assert_uint_eq(slow_ahead(), before);
	}
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	expect_count(&rig, af_file_read(file, len, AFIO_FULL, NULL), len, 0);
	ck_assert_uint_gt(slow_ahead(), before);
	close_all(file);
	free(data);
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("transport/disk_slow");
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
	ADD(disk_end_is_found_by_reads_that_do_not_wait, ALL_WAYS);
	ADD(disk_read_error_follows_the_data, DRIVE_COUNT);
	ADD(disk_write_error_says_what_went_out, DRIVE_COUNT);
	ADD(disk_write_of_much_is_made_in_pieces, DRIVE_COUNT);
	ADD(disk_copy_from_and_to_a_pipe_is_whole, ALL_WAYS);
	ADD(disk_copy_from_disk_to_disk_is_made_in_large_pieces, DRIVE_COUNT);
	ADD(disk_copy_whose_source_fails_writes_what_came_before, DRIVE_COUNT);
	ADD(disk_copy_from_a_slow_filter_gathers_no_longer_than_a_turn,
	    DRIVE_COUNT);
#ifdef HAVE_RWF
	ADD(disk_reads_in_a_row_are_read_ahead_until_a_seek, DRIVE_COUNT);
#endif
	tcase_add_loop_test(
		tc, disk_detach_after_a_cancelled_read_moves_the_position_back,
		0, DRIVE_COUNT);
	tcase_add_loop_test(tc, disk_seek_during_a_read_or_a_write_fails_ebusy,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    disk_copy_cancelled_while_it_gathers_takes_no_more,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(
		tc, disk_copy_after_a_cancelled_read_begins_with_its_bytes, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, disk_peek_of_much_has_all_of_it, 0,
			    DRIVE_COUNT);
	return s;
}
