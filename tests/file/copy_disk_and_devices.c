/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies from and to what is no pipe and no socket: files on disk, devices,
 * FIFOs, terminals; and a file that is both ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "support/copies.h"
#include "support/scratch.h"

START_TEST(copy_to_itself_is_an_echo)
{
	struct af_future *f;

	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	rig_reader(&rig);
	f = af_file_copy(rig.reader, rig.reader, -1, NULL);
	turn(&rig);
	for (int i = 0; i < 3; i++) {
		char byte;

		put(rig.out, &"abc"[i], 1);
		while (recv(rig.out, &byte, 1, MSG_DONTWAIT) < 0)
			turn(&rig);
		ck_assert_int_eq(byte, "abc"[i]);
	}
	shutdown(rig.out, SHUT_WR);
	expect_count(&rig, f, 3, AFIO_EOF);
	rig_close(&rig);
}
END_TEST

static void make_fifo(void)
{
	unlink("fifo");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
}

START_TEST(copy_to_itself_without_an_end_is_refused)
{
	struct af_file *file;

	rig_open_loop(&rig, _i);
	make_file("file", "abc", 0600);
	file = af_file_open(rig.loop, "file", "a+");
	expect_error(&rig, af_file_copy(file, file, -1, NULL), -EINVAL);
	expect_error(&rig, af_file_copy(file, file, 1, NULL), -EINVAL);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_file("file", "abc");
	make_fifo();
	file = af_file_open(rig.loop, "fifo", "r+");
	expect_error(&rig, af_file_copy(file, file, -1, NULL), -EINVAL);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* Disks and devices. */

/* Where a file on disk goes, by splice(2), by sendfile(2), through memory. */
static const struct way sinks[] = {
	{ "pipe", KIND_PIPE, KIND_PIPE, false },
	{ "socket", KIND_PIPE, KIND_SOCKETPAIR, true },
	{ "blocking socket", KIND_PIPE, KIND_SOCKETPAIR, false },
	{ "TCP", KIND_PIPE, KIND_TCP, true },
};
#define ALL_SINKS ((int)(sizeof sinks / sizeof *sinks) * DRIVE_COUNT)

static struct af_file *file;
static int file_fd; /* the test's own */

static void open_disk(int i, size_t len)
{
	rig_open_loop(&rig, i % DRIVE_COUNT);
	open_target(sinks[i / DRIVE_COUNT].to, sinks[i / DRIVE_COUNT].nonblock);
	file_fd = open_file("file");
	put(file_fd, data, len);
	file = af_file_open(rig.loop, "file", "r");
	ck_assert_ptr_nonnull(file);
}

static void close_disk(void)
{
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(close(file_fd), 0);
	close_way();
}

START_TEST(copy_from_disk_is_whole_and_goes_on_as_it_grows)
{
	struct af_future *copy, *all;
	struct af_file *reader;

	open_disk(_i, LEN / 2);
	reader = af_file_new(rig.loop, sink, AFIO_KEEP_FD);
	copy = af_file_copy(file, target, -1, NULL);
	ck_assert(!af_future_is_done(copy));
	put(file_fd, data + LEN / 2, LEN / 4);
	all = af_file_read(reader, LEN * 3 / 4, AFIO_FULL, NULL);
	expect_data_pattern(&rig, all, LEN * 3 / 4, 0, 0);
	expect_count(&rig, copy, LEN * 3 / 4, AFIO_EOF);
	expect_count(&rig, af_file_copy(file, target, -1, NULL), 0, AFIO_EOF);
	put(file_fd, data + LEN * 3 / 4, 9999);
	expect_count(&rig, af_file_copy(file, target, -1, MS(20000)), 9999,
		     AFIO_EOF);
	all = af_file_read(reader, 9999, AFIO_FULL, NULL);
	expect_data_pattern(&rig, all, 9999, LEN * 3 / 4, 0);
	ck_assert_int_eq(af_file_close(reader), 0);
	close_disk();
}
END_TEST

START_TEST(copy_from_disk_at_deadline_leaves_the_rest)
{
	size_t count;

	open_disk(_i, LEN);
	expect_text(&rig, af_file_read(file, 1, AFIO_FULL, NULL), "\0", 0);
	count = 1 + expect_end(af_file_copy(file, target, -1, MS(20)), 0,
			       AFIO_TIMEDOUT);
	ck_assert(count > 1 && count < LEN);
	expect_pattern(sink, count - 1, 1);
	expect_data_pattern(&rig, af_file_read(file, 0, 0, NULL), LEN - count,
			    count, AFIO_EOF);
	close_disk();
}
END_TEST

START_TEST(copy_from_disk_that_shrinks_ends_there)
{
	struct af_future *copy;

	open_disk(_i, LEN);
	copy = af_file_copy(file, target, -1, NULL);
	for (int i = 0; i < 5; i++)
		turn(&rig);
	ck_assert_int_eq(ftruncate(file_fd, 4096), 0);
	/* Never waiting for what the copy has not written yet. */
	for (char buf[4096]; !af_future_is_done(copy); turn(&rig))
		if (poll(&(struct pollfd){ .fd = sink, .events = POLLIN }, 1,
			 0) > 0)
			ck_assert_int_ge(read(sink, buf, sizeof buf), 0);
	expect_part(&rig, copy, LEN, 0, AFIO_EOF);
	close_disk();
}
END_TEST

START_TEST(copy_from_disk_of_a_hole_beyond_4_gib)
{
	const off_t at = ((off_t)5 << 30) - 20000;
	char zeros[20000];

	open_disk(_i, 0);
	ck_assert_int_eq(lseek(file_fd, at + 20000, SEEK_SET), at + 20000);
	put_text(file_fd, "end");
	ck_assert_int_eq(af_file_seek(file, at, SEEK_SET), at);
	expect_count(&rig, af_file_copy(file, target, 20001, NULL), 20001, 0);
	expect_count(&rig, af_file_copy(file, target, -1, NULL), 2, AFIO_EOF);
	get(sink, zeros, sizeof zeros);
	for (size_t i = 0; i < sizeof zeros; i++)
		ck_assert_int_eq(zeros[i], 0);
	expect_sunk("end");
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), at + 20003);
	ck_assert_int_eq(ftruncate(file_fd, 0), 0);
	close_disk();
}
END_TEST

START_TEST(copy_from_and_to_devices)
{
	struct af_file *zero, *null, *full;
	char zeros[3000];

	open_way(_i);
	zero = af_file_open(rig.loop, "/dev/zero", "r");
	null = af_file_open(rig.loop, "/dev/null", "w");
	full = af_file_open(rig.loop, "/dev/full", "w");
	expect_count(&rig, af_file_copy(zero, target, 3000, NULL), 3000, 0);
	get(sink, zeros, sizeof zeros);
	ck_assert_int_eq(zeros[0] | zeros[2999], 0);
	put_text(rig.out, "abcdef");
	expect_error(&rig, af_file_copy(rig.reader, full, -1, NULL), -ENOSPC);
	expect_count(&rig, af_file_copy(rig.reader, null, 4, NULL), 4, 0);
	expect_text(&rig, reading(2), "ef", 0);
	expect_count(&rig, af_file_copy(zero, null, (off_t)LEN, NULL), LEN, 0);
	/* There is no end to what is there now, but to this there is. */
	ck_assert_uint_gt(expect_end(af_file_copy(zero, null, -1, MS(0)), 0,
				     AFIO_TIMEDOUT),
			  0);
	ck_assert_uint_gt(expect_end(af_file_copy(zero, null, -1, MS(5)), 0,
				     AFIO_TIMEDOUT),
			  0);
	ck_assert_int_eq(af_file_close(zero), 0);
	ck_assert_int_eq(af_file_close(null), 0);
	ck_assert_int_eq(af_file_close(full), 0);
	close_way();
}
END_TEST

/* splice(2) refuses O_APPEND. */
START_TEST(copy_to_what_appends)
{
	struct af_file *log, *fifo;
	char buf[7] = "";
	int fd;

	open_way(_i);
	make_file("log", "old ", 0600);
	log = af_file_open(rig.loop, "log", "a");
	put_text(rig.out, "abcdef");
	expect_count(&rig, af_file_copy(rig.reader, log, 2, NULL), 2, 0);
	ck_assert_int_eq(af_file_close(log), 0);
	expect_file("log", "old ab");
	make_fifo();
	fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fifo = af_file_open(rig.loop, "fifo", "a");
	expect_count(&rig, af_file_copy(rig.reader, fifo, 4, NULL), 4, 0);
	get(fd, buf, 4);
	ck_assert_str_eq(buf, "cdef");
	close(fd);
	ck_assert_int_eq(af_file_close(fifo), 0);
	close_way();
}
END_TEST

/* That it ended once counts, also when another writer comes. */
START_TEST(copy_from_a_fifo_ends_with_its_writer)
{
	struct af_file *fifo;
	struct af_future *f;
	int fd;

	open_way(_i);
	make_fifo();
	fifo = af_file_open(rig.loop, "fifo", "r");
	f = af_file_copy(fifo, target, -1, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	fd = open("fifo", O_WRONLY | O_CLOEXEC);
	put_text(fd, "abc");
	turn(&rig);
	close(fd);
	expect_count(&rig, f, 3, AFIO_EOF);
	fd = open("fifo", O_WRONLY | O_CLOEXEC);
	put_text(fd, "def");
	expect_text(&rig, af_file_read(fifo, 9, 0, NULL), "", AFIO_EOF);
	expect_count(&rig, af_file_copy(fifo, target, -1, NULL), 0, AFIO_EOF);
	close(fd);
	expect_sunk("abc");
	ck_assert_int_eq(af_file_close(fifo), 0);
	close_way();
}
END_TEST

START_TEST(copy_from_and_to_a_terminal)
{
	struct af_file *terminal;
	char buf[4] = "";
	int fds[2];

	open_way(_i);
	make_pty(fds);
	terminal = af_file_new(rig.loop, fds[1], 0);
	put_text(rig.out, "abc");
	expect_count(&rig, af_file_copy(rig.reader, terminal, 3, NULL), 3, 0);
	get(fds[0], buf, 3);
	ck_assert_str_eq(buf, "abc");
	put_text(fds[0], "def");
	expect_count(&rig, af_file_copy(terminal, target, 3, NULL), 3, 0);
	expect_sunk("def");
	close(fds[0]);
	expect_count(&rig, af_file_copy(terminal, target, -1, NULL), 0,
		     AFIO_EOF);
	ck_assert_int_eq(af_file_close(terminal), 0);
	close_way();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/copy_disk_and_devices");
	TCase *tc = scratch_case(s, "kinds");

	pattern_fill(data, LEN, 0);
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(copy_to_itself_is_an_echo, DRIVE_COUNT);
	ADD(copy_to_itself_without_an_end_is_refused, DRIVE_COUNT);
	ADD(copy_from_disk_is_whole_and_goes_on_as_it_grows, ALL_SINKS);
	ADD(copy_from_disk_at_deadline_leaves_the_rest, ALL_SINKS);
	ADD(copy_from_disk_that_shrinks_ends_there, ALL_SINKS);
	ADD(copy_from_disk_of_a_hole_beyond_4_gib, ALL_SINKS);
	ADD(copy_from_and_to_devices, ALL_WAYS);
	ADD(copy_to_what_appends, ALL_WAYS);
	ADD(copy_from_a_fifo_ends_with_its_writer, ALL_WAYS);
	ADD(copy_from_and_to_a_terminal, ALL_WAYS);
	return s;
}
