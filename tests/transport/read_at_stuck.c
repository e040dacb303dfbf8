/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads and writes at an offset of a disk that is stuck, and workers with it:
 * deadlines and cancels, and a file that ends meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/pattern.h"
#include "support/slowrig.h"

static struct af_future *read_at(struct af_file *file, size_t size,
				 int64_t offset)
{
	return af_file_read_at(file, size, offset, AFIO_FULL, NULL);
}

static struct af_future *write_at(struct af_file *file, const char *text,
				  int64_t offset)
{
	return af_file_write_at(file, text, strlen(text), offset, AFIO_FULL,
				NULL);
}

static void expect_cancelled(struct af_future *f, size_t count)
{
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), count);
	af_future_unref(f);
}

static void cancel(struct af_future *f, size_t count)
{
	af_future_cancel(f);
	expect_cancelled(f, count);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(read_at_stuck_keeps_its_deadline)
{
	int64_t start = now_us();
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = containing("abcdef", "r");
	slow_stop(0);
	f = af_file_read_at(file, 3, 0, 0, MS(20));
	slow_expect(1);
	expect_error(&rig, f, -ETIMEDOUT);
	expect_elapsed(start, 20);
	expect_error(&rig, af_file_read_at(file, 0, 0, 0, MS(0)), -ETIMEDOUT);
	expect_life();
	slow_go();
	expect_text(&rig, read_at(file, 3, 1), "bcd", 0);
	expect_text(&rig, reading(file, 0), "abcdef", AFIO_EOF);
	close_all(file);
}
END_TEST

/* The worker goes on with the memory that the result came from. */
START_TEST(read_at_stuck_in_the_middle_has_what_came)
{
	struct af_file *file;
	size_t len = 3 * PIECE;
	struct af_future *f;
	int fd;

	open_cold(_i);
	fd = open_file("file");
	put_pattern(fd, len, 0);
	close(fd);
	file = opened("file", "r");
	slow_stop(1);
	f = af_file_read_at(file, len, 0, AFIO_FULL, MS(400));
	ck_assert_int_eq(drive(&rig, f), 0);
	slow_expect(1);
	slow_go();
	expect_data_pattern(&rig, read_at(file, len, 0), len, 0, 0);
	expect_data_pattern(&rig, f, PIECE, 0, AFIO_TIMEDOUT);
	close_all(file);
}
END_TEST

START_TEST(read_at_stuck_can_be_cancelled_in_any_order)
{
	struct af_future *f[4];
	struct af_file *file;

	open_cold(_i);
	file = containing("abcdef", "r");
	slow_stop(0);
	for (int i = 0; i < 4; i++)
		f[i] = read_at(file, 3, i);
	slow_expect(4);
	cancel(f[2], 0);
	cancel(f[0], 0);
	expect_life();
	slow_go();
	expect_text(&rig, f[1], "bcd", 0);
	expect_text(&rig, f[3], "def", 0);
	close_all(file);
}
END_TEST

/* The queue and the others do not wait for each other. */
START_TEST(read_at_goes_on_beside_a_stuck_read)
{
	struct af_future *f, *g;
	struct af_file *file;

	open_cold(_i);
	file = containing("abcdef", "r+");
	slow_stop(1);
	g = read_at(file, 3, 3);
	expect_text(&rig, g, "def", 0);
	f = reading(file, 3);
	slow_expect(1);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -EBUSY);
	/* In the page cache, since the read before. */
	if (have_linux("RWF_NOWAIT"))
		expect_text(&rig, read_at(file, 3, 3), "def", 0);
	g = read_at(file, 2, 0);
	af_future_cancel(f);
	expect_cancelled(f, 0);
	slow_go();
	expect_text(&rig, g, "ab", 0);
	expect_text(&rig, reading(file, 3), "abc", 0);
	slow_stop(0);
	f = write_at(file, "x", 5);
	slow_expect(1);
	/* It uses no position. */
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	slow_go();
	expect_count(&rig, f, 1, 0);
	close_all(file);
}
END_TEST

/* With nothing in the page cache, and one worker. */
static void open_cold_with_one_worker(int driver)
{
	open_way(2 * DRIVE_COUNT + driver);
}

/* Until the only worker is done with what was begun, which had 5 ms. */
static void be_late(void)
{
	struct af_file *other;
	struct af_future *f;

	make_file("other", "x", 0600);
	other = opened("other", "r");
	f = read_at(other, 1, 0);
	/* It has brought back the first when it begins the next. */
	while (slow_calls() < 2)
		sched_yield();
	spin(20); /* the clock of the loop is a coarse one */
	expect_text(&rig, f, "x", 0);
	ck_assert_int_eq(af_file_close(other), 0);
}

START_TEST(read_at_done_as_the_deadline_came_counts)
{
	struct af_file *file;
	struct af_future *f;

	open_cold_with_one_worker(_i);
	file = containing("abcdef", "r");
	f = af_file_read_at(file, 3, 0, AFIO_FULL, MS(5));
	be_late();
	expect_text(&rig, f, "abc", 0);
	close_all(file);
}
END_TEST

/* Without AFIO_FULL a part is all that was asked for. */
START_TEST(read_at_of_a_part_done_as_the_deadline_came_is_no_timeout)
{
	struct af_file *file;
	struct af_future *f;

	open_cold_with_one_worker(_i);
	file = containing("abcdef", "r");
	f = af_file_read_at(file, 9, 2, 0, MS(5));
	be_late();
	expect_text(&rig, f, "cdef", 0);
	close_all(file);
}
END_TEST

/* More was asked for than one worker's call reads. */
START_TEST(read_at_done_in_part_as_the_deadline_came_has_the_part)
{
	struct af_file *file;
	struct af_future *f;
	int fd;

	open_cold_with_one_worker(_i);
	file = containing("", "r");
	fd = open_file("file");
	put_pattern(fd, PIECE + 9, 0);
	close(fd);
	f = af_file_read_at(file, PIECE + 9, 0, AFIO_FULL, MS(5));
	be_late();
	expect_data_pattern(&rig, f, PIECE, 0, AFIO_TIMEDOUT);
	expect_data_pattern(
		&rig, af_file_read_at(file, PIECE + 9, 0, AFIO_FULL, NULL),
		PIECE + 9, 0, 0);
	close_all(file);
}
END_TEST

/* Index: by a deadline or a cancel, and who drives. */
START_TEST(write_at_stuck_counts_the_piece_under_way)
{
	static unsigned char data[3 * 262144];
	bool cancels = _i < DRIVE_COUNT;
	struct af_file *file;
	struct af_future *f;

	open_cold(_i % DRIVE_COUNT);
	pattern_fill(data, sizeof data, 0);
	file = containing("", "w+");
	slow_stop(1);
	f = af_file_write_at(file, data, sizeof data, 0, AFIO_FULL,
			     cancels ? NULL : MS(400));
	if (cancels) {
		while (slow_calls() < 2)
			expect_life();
		ck_assert_uint_eq(af_future_count(f), PIECE);
		cancel(f, 2 * PIECE);
	} else {
		expect_count(&rig, f, 2 * PIECE, AFIO_TIMEDOUT);
	}
	slow_go();
	expect_count(&rig, af_file_sync(file, NULL), 0, 0);
	ck_assert_int_eq(af_file_size(file), (off_t)(2 * PIECE));
	expect_data_pattern(&rig, reading(file, 0), 2 * PIECE, 0, AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(write_at_not_begun_is_called_back)
{
	struct af_file *file, *other;
	struct af_future *f, *g;

	open_cold(_i);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 1), 0);
	file = containing("", "w");
	other = opened("other", "w");
	slow_stop(0);
	f = write_at(file, "abc", 0);
	slow_expect(1);
	g = write_at(other, "never", 0);
	cancel(g, 0);
	expect_error(&rig,
		     af_file_write_at(other, "never", 5, 0, AFIO_FULL, MS(1)),
		     -ETIMEDOUT);
	slow_go();
	expect_count(&rig, f, 3, 0);
	expect_file("other", "");
	ck_assert_int_eq(af_file_close(other), 0);
	close_all(file);
}
END_TEST

/* Index: who is told, and who drives. */
START_TEST(write_at_that_failed_for_nobody_is_reported_later)
{
	struct slow slow = { .now = NOW_COLD, .write = { EIO, 0 } };
	struct af_file *file;
	struct af_future *f;

	open_cold(_i % DRIVE_COUNT);
	file = containing("", "w");
	slow_set(&slow);
	slow_stop(0);
	f = write_at(file, "abc", 0);
	slow_expect(1);
	cancel(f, 3);
	if (_i / DRIVE_COUNT == 0)
		f = af_file_sync(file, NULL);
	else if (_i / DRIVE_COUNT == 1)
		f = writing(file, "d");
	else
		f = af_file_finish(file, NULL);
	expect_life();
	ck_assert(!af_future_is_done(f));
	slow_go();
	expect_error(&rig, f, -EIO);
	if (_i / DRIVE_COUNT < 2) {
		expect_count(&rig, writing(file, "e"), 1, 0);
		expect_count(&rig, af_file_sync(file, NULL), 0, 0);
	}
	close_all(file);
}
END_TEST

/* A read beside it is not delayed, nor one of the queue by the deadline. */
START_TEST(write_at_stuck_for_nobody_delays_the_queue_of_writes_only)
{
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = containing("abc", "r+");
	expect_text(&rig, read_at(file, 3, 0), "abc", 0);
	slow_stop(0);
	f = write_at(file, "xyz", 3);
	slow_expect(1);
	cancel(f, 3);
	expect_error(&rig, af_file_write(file, "d", 1, AFIO_FULL, MS(5)),
		     -ETIMEDOUT);
	expect_error(&rig, af_file_finish(file, MS(5)), -ETIMEDOUT);
	expect_error(&rig, af_file_finish(file, MS(0)), -ETIMEDOUT);
	slow_go();
	expect_count(&rig, af_file_finish(file, NULL), 0, 0);
	expect_file("file", "abcxyz");
	close_all(file);
}
END_TEST

/* What is under way when a file ends: reads, writes, and one of the queue. */
struct under_way {
	struct af_file *file;
	struct af_future *f[4];
	int fd;
};

static struct under_way begin_all(void)
{
	struct under_way u = { .file = containing("abcdef", "r+") };

	u.fd = af_file_fd(u.file);
	slow_stop(0);
	u.f[0] = read_at(u.file, 3, 0);
	u.f[1] = write_at(u.file, "xyz", 3);
	u.f[2] = reading(u.file, 1);
	slow_expect(3);
	/* No longer of anybody when the file ends. */
	u.f[3] = read_at(u.file, 1, 5);
	slow_expect(4);
	af_future_cancel(u.f[3]);
	return u;
}

static void expect_all_cancelled(const struct under_way *u)
{
	for (int i = 0; i < 4; i++)
		expect_cancelled(u->f[i], i == 1 ? 3 : 0);
}

/* Index: close or finish, and who drives. */
START_TEST(close_stuck_returns_and_the_descriptor_follows)
{
	struct under_way u;

	open_cold(_i % DRIVE_COUNT);
	u = begin_all();
	if (_i < DRIVE_COUNT) {
		ck_assert_int_eq(af_file_close(u.file), 0);
	} else {
		/* A write under way has an outcome of its own: not waited for. */
		expect_error(&rig, af_file_finish(u.file, NULL), 0);
		ck_assert_int_eq(af_file_close(u.file), 0);
	}
	expect_all_cancelled(&u);
	expect_life();
	ck_assert(is_open(u.fd));
	slow_go();
	while (is_open(u.fd))
		expect_life();
	expect_file("file", "abcxyz");
	rig_close(&rig);
}
END_TEST

/* Index: whether it is closed before or after the workers are done. */
START_TEST(loop_freed_stuck_returns_and_the_file_can_be_closed)
{
	struct under_way u;

	open_cold(DRIVE_AWAIT);
	u = begin_all();
	rig_close(&rig);
	expect_all_cancelled(&u);
	ck_assert_int_eq(af_file_detach(u.file, NULL), -EBUSY);
	if (_i == 0)
		ck_assert_int_eq(af_file_close(u.file), 0);
	slow_go();
	if (_i == 0) {
		while (is_open(u.fd))
			sched_yield();
		return;
	}
	while (af_file_detach(u.file, NULL) == -EBUSY)
		sched_yield();
	ck_assert(is_open(u.fd));
	ck_assert_int_eq(lseek(u.fd, 0, SEEK_CUR), 0);
	close(u.fd);
}
END_TEST

/* Index: the one whose call waits is cancelled, or not; and who drives. */
START_TEST(detach_stuck_is_busy_and_cancels_nothing)
{
	struct af_future *f, *g;
	struct af_file *file;
	int fd;

	open_cold(_i / 2);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 1), 0);
	file = containing("abcdef", "r");
	fd = af_file_fd(file);
	slow_stop(0);
	f = read_at(file, 3, 0);
	slow_expect(1);
	if (_i % 2)
		af_future_cancel(f);
	/* This one no worker has begun: it goes on all the same. */
	g = read_at(file, 3, 3);
	ck_assert_int_eq(af_file_detach(file, NULL), -EBUSY);
	ck_assert(af_future_is_done(f) == _i % 2 && !af_future_is_done(g));
	slow_go();
	expect_text(&rig, g, "def", 0);
	if (_i % 2)
		expect_error(&rig, f, -ECANCELED);
	else
		expect_text(&rig, f, "abc", 0);
	ck_assert_int_eq(af_file_detach(file, NULL), fd);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(detach_before_a_worker_has_begun_cancels)
{
	struct evbuffer *unread = evbuffer_new();
	struct af_file *file, *other;
	struct af_future *f, *g;
	int fd;

	open_cold(_i);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 1), 0);
	file = containing("abcdef", "r");
	other = opened("file", "r");
	fd = af_file_fd(other);
	slow_stop(0);
	f = read_at(file, 3, 0);
	slow_expect(1);
	g = read_at(other, 3, 3);
	ck_assert_int_eq(af_file_detach(other, unread), fd);
	expect_cancelled(g, 0);
	ck_assert_int_eq(close(fd), 0);
	slow_go();
	expect_text(&rig, f, "abc", 0);
	ck_assert_uint_eq(slow_calls(), 1);
	evbuffer_free(unread);
	close_all(file);
}
END_TEST

static void dump_into(char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	fclose(out);
}

START_TEST(dump_names_a_read_at_that_waits)
{
	char text[999] = "", line[99];
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = containing("abcdef", "r");
	slow_stop(0);
	f = read_at(file, 3, 2);
	dump_into(text, sizeof text);
	snprintf(line, sizeof line, "read at: fd %d, next at 2",
		 af_file_fd(file));
	ck_assert_msg(strstr(text, line) || strstr(text, "read at fd"), "%s",
		      text);
	slow_go();
	expect_text(&rig, f, "cde", 0);
	close_all(file);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/read_at_stuck");
	TCase *tc = scratch_case(s, "stuck");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(read_at_stuck_keeps_its_deadline, DRIVE_COUNT);
	ADD(read_at_stuck_in_the_middle_has_what_came, DRIVE_COUNT);
	ADD(read_at_stuck_can_be_cancelled_in_any_order, DRIVE_COUNT);
	ADD(read_at_goes_on_beside_a_stuck_read, DRIVE_COUNT);
	ADD(read_at_done_as_the_deadline_came_counts, DRIVE_COUNT);
	ADD(read_at_of_a_part_done_as_the_deadline_came_is_no_timeout,
	    DRIVE_COUNT);
	ADD(read_at_done_in_part_as_the_deadline_came_has_the_part,
	    DRIVE_COUNT);
	ADD(write_at_stuck_counts_the_piece_under_way, 2 * DRIVE_COUNT);
	ADD(write_at_not_begun_is_called_back, DRIVE_COUNT);
	ADD(write_at_that_failed_for_nobody_is_reported_later, 3 * DRIVE_COUNT);
	ADD(write_at_stuck_for_nobody_delays_the_queue_of_writes_only,
	    DRIVE_COUNT);
	tc = scratch_case(s, "ends");
	ADD(close_stuck_returns_and_the_descriptor_follows, 2 * DRIVE_COUNT);
	ADD(loop_freed_stuck_returns_and_the_file_can_be_closed, 2);
	ADD(detach_stuck_is_busy_and_cancels_nothing, 2 * DRIVE_COUNT);
	ADD(detach_before_a_worker_has_begun_cancels, DRIVE_COUNT);
	ADD(dump_names_a_read_at_that_waits, DRIVE_COUNT);
	return s;
}
