/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * On-disk files on a disk that is stuck, and a worker with it: deadlines hold,
 * the loop goes on, and no byte is lost or taken twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/pattern.h"
#include "support/slowrig.h"

START_TEST(disk_read_stuck_keeps_its_deadline_and_loses_nothing)
{
	int64_t start = now_us();
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = containing("abcdef", "r");
	slow_stop(0);
	f = af_file_read(file, 3, 0, MS(20));
	slow_expect(1);
	expect_error(&rig, f, -ETIMEDOUT);
	expect_elapsed(start, 20);
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
	f = af_file_read(file, len, AFIO_FULL, MS(400));
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
	int fd;

	open_cold(_i);
	file = containing("", "r");
	read_for_nobody(file);
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

START_TEST(disk_end_seen_for_another_read_is_looked_at_again)
{
	struct slow slow = { .now = NOW_COLD, .read_before = true };
	struct af_future *f, *g;
	struct af_file *file;
	int fd;

	open_cold(_i);
	slow_set(&slow);
	file = containing("", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	fd = open("file", O_WRONLY | O_CLOEXEC);
	put_text(fd, "abc");
	close(fd);
	/* The worker has seen the end, for a read before this one. */
	g = reading(file, 9);
	af_future_cancel(f);
	slow_go();
	expect_error(&rig, f, -ECANCELED);
	expect_text(&rig, g, "abc", 0);
	close_all(file);
}
END_TEST
/* Whose position another descriptor moves. */
START_TEST(disk_end_seen_for_nobody_is_forgotten_where_the_position_moves)
{
	struct af_file *file;

	open_way(5 * DRIVE_COUNT + _i);
	file = containing("abc", "r");
	ck_assert_int_eq(af_file_seek(file, 3, SEEK_SET), 3);
	read_for_nobody(file);
	slow_go();
	/* Until it is back; if it is not, it ends as one for another read. */
	for (int i = 0; i < 10; i++)
		expect_life();
	ck_assert_int_eq(lseek(af_file_fd(file), 1, SEEK_SET), 1);
	expect_text(&rig, reading(file, 9), "bc", 0);
	close_all(file);
}
END_TEST

/* In one turn, in which it is not yet known that nobody waits any more. */
START_TEST(disk_end_seen_as_the_deadline_came_is_looked_at_again)
{
	struct af_file *file, *other;
	struct af_future *f, *g;
	int fd;

	open_way(2 * DRIVE_COUNT + _i);
	make_file("other", "x", 0600);
	other = opened("other", "r");
	file = containing("", "r");
	slow_stop(0);
	f = af_file_read(file, 3, 0, MS(5));
	g = reading(other, 3);
	slow_expect(1);
	slow_go();
	/* One worker: it has brought back the first. */
	while (slow_calls() < 2)
		sched_yield();
	spin(5);
	/* Or at its end, if that comes first. */
	drive(&rig, f);
	af_future_unref(f);
	expect_text(&rig, g, "x", 0);
	fd = open("file", O_WRONLY | O_CLOEXEC);
	put_text(fd, "abc");
	close(fd);
	expect_text(&rig, reading(file, 9), "abc", 0);
	ck_assert_int_eq(af_file_close(other), 0);
	close_all(file);
}
END_TEST

/* A file whose end a thread has found for a read, and that has grown since. */
static struct af_file *grown(struct af_future **ret_first)
{
	struct slow slow = { .now = NOW_COLD, .read_before = true };
	struct af_file *file;
	int fd;

	slow_set(&slow);
	file = containing("", "r");
	slow_stop(0);
	*ret_first = reading(file, 3);
	slow_expect(1);
	fd = open("file", O_WRONLY | O_CLOEXEC);
	put_text(fd, "abc");
	close(fd);
	return file;
}

START_TEST(disk_end_seen_before_a_read_began_is_looked_at_again)
{
	struct af_future *first, *f;
	struct af_file *file;

	open_cold(_i);
	file = grown(&first);
	af_future_cancel(first);
	f = reading(file, 9);
	slow_go();
	expect_text(&rig, f, "abc", 0);
	af_future_unref(first);
	close_all(file);
}
END_TEST

START_TEST(disk_end_seen_before_a_peek_was_queued_is_looked_at_again)
{
	struct af_future *first, *f;
	struct af_file *file;

	open_cold(_i);
	file = grown(&first);
	f = af_file_peek(file, 3, NULL);
	af_future_cancel(first);
	slow_go();
	expect_text(&rig, f, "abc", 0);
	af_future_unref(first);
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

static void close_it(const void *data, size_t len, void *arg)
{
	struct af_file **file = arg, *closed = *file;

	(void)data;
	(void)len;
	*file = NULL;
	ck_assert_int_eq(af_file_close(closed), 0);
}

/*
 * The end of a write that nobody waits for lets the next one write, which closes
 * the file. Index: the first one is at an offset, or not.
 */
START_TEST(disk_write_after_a_late_one_may_close_the_file)
{
	const struct slow now = { .now = NOW_AT_ONCE };
	struct evbuffer *buf = evbuffer_new();
	struct af_future *f;
	struct af_file *file;

	open_cold(_i / 2);
	file = containing("", "w");
	slow_stop(0);
	f = _i % 2 ? af_file_write_at(file, "abc", 3, 0, 0, NULL)
		   : writing(file, "abc");
	slow_expect(1);
	af_future_cancel(f);
	ck_assert_uint_eq(af_future_count(f), 3);
	af_future_unref(f);
	evbuffer_add_reference(buf, "def", 3, close_it, &file);
	f = af_file_write_buffer(file, buf, 0, NULL);
	ck_assert(!af_future_is_done(f));
	evbuffer_free(buf);
	slow_set(&now);
	slow_go();
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), 3);
	af_future_unref(f);
	ck_assert_ptr_null(file);
	if (have_linux("writes that do not wait"))
		ck_assert_uint_eq(slow_calls(), 1);
	expect_file("file", _i % 2 ? "def" : "abcdef");
	rig_close(&rig);
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
	f = af_file_write(file, data, sizeof data, AFIO_FULL, MS(400));
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
	f = af_file_copy(from, to, 4, MS(400));
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

/*
 * It would be the loop that waits, in splice(2) or sendfile(2). Index: whether
 * the page cache keeps what was read, what it is copied to, and who drives.
 */
START_TEST(disk_copy_to_a_pipe_or_socket_waits_in_a_worker)
{
	static const enum slow_now how[] = { NOW_COLD, NOW_BYPASSED,
					     NOW_UNSUPPORTED };
	struct slow slow = { .now = how[_i / EVERY_WAY] };
	struct af_file *file;
	struct af_future *f;

	rig_open(&rig, _i % EVERY_WAY);
	slow_set(&slow);
	file = containing("abcdef", "r");
	rig_writer(&rig);
	slow_stop(0);
	f = af_file_copy(file, rig.writer, -1, NULL);
	while (slow_calls() == 0)
		turn(&rig);
	slow_expect(1);
	expect_life();
	ck_assert(!af_future_is_done(f));
	slow_go();
	expect_count(&rig, f, 6, AFIO_EOF);
	ck_assert_uint_eq(slow_bypassed(), 0);
	rig_hang_up(&rig);
	rig_reader(&rig);
	expect_text(&rig, reading(rig.reader, 0), "abcdef", AFIO_EOF);
	close_all(file);
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

Suite *suite(void)
{
	Suite *s = suite_create("transport/disk_stuck");
	TCase *tc = scratch_case(s, "stuck");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(disk_read_stuck_keeps_its_deadline_and_loses_nothing, DRIVE_COUNT);
	ADD(disk_read_stuck_in_the_middle_has_what_came, DRIVE_COUNT);
	ADD(disk_read_stuck_can_be_cancelled_and_loses_nothing, DRIVE_COUNT);
	ADD(disk_end_seen_for_nobody_is_looked_at_again, DRIVE_COUNT);
	ADD(disk_end_seen_for_nobody_is_forgotten_where_the_position_moves,
	    DRIVE_COUNT);
	ADD(disk_end_seen_for_another_read_is_looked_at_again, DRIVE_COUNT);
	ADD(disk_end_seen_as_the_deadline_came_is_looked_at_again, DRIVE_COUNT);
	ADD(disk_end_seen_before_a_read_began_is_looked_at_again, DRIVE_COUNT);
	ADD(disk_end_seen_before_a_peek_was_queued_is_looked_at_again,
	    DRIVE_COUNT);
	ADD(disk_write_stuck_does_not_confuse_the_next, DRIVE_COUNT);
	ADD(disk_write_not_begun_is_called_back, DRIVE_COUNT);
	ADD(disk_write_after_a_late_one_may_close_the_file, 2 * DRIVE_COUNT);
	ADD(disk_write_stuck_counts_the_piece_under_way, DRIVE_COUNT);
	ADD(disk_copy_stuck_takes_no_byte_twice, DRIVE_COUNT);
	ADD(disk_copy_stuck_with_its_source_detached_takes_no_byte_twice,
	    2 * DRIVE_COUNT);
	ADD(disk_copy_to_a_pipe_or_socket_waits_in_a_worker, 3 * EVERY_WAY);
	ADD(disk_write_that_failed_for_nobody_is_told_to_the_next, DRIVE_COUNT);
	ADD(disk_sync_waits_for_the_writes_before_it, DRIVE_COUNT);
	return s;
}
