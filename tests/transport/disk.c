/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * On-disk files as the system has them: opening by name, positions, sizes, and
 * the files that are none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/harness.h"
#include "support/pattern.h"
#include "support/scratch.h"

static struct rig rig;
static off_t position; /* of the file, when the loop got to something else */

static struct af_file *opened(const char *name, const char *mode)
{
	struct af_file *file = af_file_open(rig.loop, name, mode);

	ck_assert_msg(file, "%s \"%s\": %s", name, mode, strerror(errno));
	return file;
}

static struct af_future *reading(struct af_file *file, size_t size)
{
	return af_file_read(file, size, 0, NULL);
}

static struct af_future *writing(struct af_file *file, const char *text)
{
	return af_file_write(file, text, strlen(text), AFIO_FULL, NULL);
}

static void close_all(struct af_file *file)
{
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}

static const char *const modes[] = { "r",  "w",	  "a",	 "r+",	 "w+",	"a+",
				     "rb", "wb+", "a+b", "wx",	 "ax",	"w+x",
				     "re", "wxe", "r+e", "a+bx", "wbxe" };
#define MODES ((int)(sizeof modes / sizeof *modes))

/* What can be seen of a mode: of the descriptor, and of the file. */
struct seen {
	int error, flags, read, written;
	off_t position;
	char text[40];
};

static void look_at(struct seen *seen, int fd, const char *name)
{
	char byte;

	seen->flags = fcntl(fd, F_GETFL) & ~O_CLOEXEC;
	seen->position = lseek(fd, 0, SEEK_CUR);
	seen->read = read(fd, &byte, 1) == 1 ? byte : -errno;
	seen->written = write(fd, "x", 1) == 1 ? 1 : -errno;
	close(fd);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(read(fd, seen->text, sizeof seen->text - 1), 0);
	close(fd);
}

/* Index: a mode, and whether the file exists. */
START_TEST(open_in_a_mode_does_what_fopen_does)
{
	const char *mode = modes[_i / 2];
	struct seen seen[2] = { { 0 }, { 0 } };
	struct af_file *file;
	FILE *stream;

	rig_open(&rig, DRIVE_AWAIT);
	umask(022);
	for (int i = 0; i < 2; i++) {
		unlink("file");
		if (_i % 2)
			make_file("file", "abc", 0644);
		errno = 0;
		if (i == 0) {
			stream = fopen("file", mode);
			seen[i].error = stream ? 0 : errno;
			if (stream)
				look_at(&seen[i], dup(fileno(stream)), "file");
			if (stream)
				fclose(stream);
		} else {
			file = af_file_open(rig.loop, "file", mode);
			seen[i].error = file ? 0 : errno;
			if (file) {
				int fd = af_file_fd(file);
				struct stat st;

				ck_assert_int_eq(fcntl(fd, F_GETFD),
						 FD_CLOEXEC);
				ck_assert_int_gt(fd, 2);
				fstat(fd, &st);
				ck_assert_int_eq(st.st_mode & 0777, 0644);
				look_at(&seen[i], af_file_detach(file, NULL),
					"file");
			}
		}
	}
	/* With musl, fopen(3) does not seek to the end. */
	if (*mode == 'a' && seen[0].position == 0)
		seen[0].position = seen[1].position;
	ck_assert_msg(memcmp(&seen[0], &seen[1], sizeof *seen) == 0,
		      "%s: %d %#o %d %d %ld \"%s\" and %d %#o %d %d %ld \"%s\"",
		      mode, seen[0].error, seen[0].flags, seen[0].read,
		      seen[0].written, (long)seen[0].position, seen[0].text,
		      seen[1].error, seen[1].flags, seen[1].read,
		      seen[1].written, (long)seen[1].position, seen[1].text);
	rig_close(&rig);
}
END_TEST

START_TEST(open_of_nonsense_fails_and_touches_nothing)
{
	static const char *const bad[] = { "",	  "x",		"q",  "+",
					   "rw",  "r++",	"rx", "r+x",
					   "wxx", "rt",		"r ", " r",
					   "R",	  "w,ccs=UTF-8" };
	struct af_loop *freed;
	struct af_file *file;

	rig_open(&rig, DRIVE_AWAIT);
	make_file("file", "abc", 0600);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		errno = 0;
		ck_assert_ptr_null(af_file_open(rig.loop, "file", bad[i]));
		ck_assert_int_eq(errno, EINVAL);
	}
	ck_assert_ptr_null(af_file_open(NULL, "file", "w"));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(af_file_open(rig.loop, NULL, "w"));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(af_file_open(rig.loop, "file", NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(af_file_open(rig.loop, "", "r"));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_ptr_null(af_file_open(rig.loop, "none/file", "w"));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_ptr_null(af_file_open(rig.loop, "file/file", "w"));
	ck_assert_int_eq(errno, ENOTDIR);
	ck_assert_ptr_null(af_file_open(rig.loop, ".", "r"));
	ck_assert_int_eq(errno, EISDIR);
	ck_assert_ptr_null(af_file_open(rig.loop, ".", "w"));
	ck_assert_int_eq(errno, EISDIR);
	/* One that is being freed. */
	freed = af_loop_new(NULL);
	file = af_file_open(freed, "file", "r");
	af_loop_free(freed);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -ECANCELED);
	ck_assert_int_eq(af_file_size(file), -ECANCELED);
	expect_error(&rig, af_file_sync(file, NULL), -ECANCELED);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_file("file", "abc");
	rig_close(&rig);
}
END_TEST

START_TEST(position_size_and_sync_of_nonsense_fail)
{
	struct af_file *file;

	rig_open(&rig, _i);
	ck_assert_int_eq(af_file_seek(NULL, 0, SEEK_SET), -EINVAL);
	ck_assert_int_eq(af_file_size(NULL), -EINVAL);
	expect_error(&rig, af_file_sync(NULL, NULL), -EINVAL);
	ck_assert_int_eq(af_loop_set_workers(NULL, 1), -EINVAL);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_seek(rig.reader, 0, SEEK_SET), -ESPIPE);
	ck_assert_int_eq(af_file_size(rig.reader), -ESPIPE);
	expect_error(&rig, af_file_sync(rig.reader, NULL), -EINVAL);
	make_file("file", "abc", 0600);
	file = opened("file", "r");
	ck_assert_int_eq(af_file_seek(file, -1, SEEK_SET), -EINVAL);
	ck_assert_int_eq(af_file_seek(file, 0, 99), -EINVAL);
	ck_assert_int_eq(af_file_size(file), 3);
	expect_error(&rig, af_file_sync(file, MS(-5)), -EINVAL);
	expect_count(&rig, af_file_sync(file, NULL), 0, 0);
	expect_error(&rig, writing(file, "x"), -EBADF);
	ck_assert_int_eq(af_file_close(file), 0);
	file = opened("/dev/null", "w");
	ck_assert_int_eq(af_file_size(file), -ESPIPE);
	expect_error(&rig, af_file_sync(file, NULL), -EINVAL);
	expect_error(&rig, reading(file, 1), -EBADF);
	close_all(file);
}
END_TEST

START_TEST(seek_moves_from_where_the_reads_ended)
{
	struct af_file *file;
	struct af_future *f;

	rig_open(&rig, _i);
	make_file("file", "0123456789", 0600);
	file = opened("file", "r");
	expect_text(&rig, reading(file, 2), "01", 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 2);
	ck_assert_int_eq(af_file_seek(file, 3, SEEK_CUR), 5);
	expect_text(&rig, reading(file, 1), "5", 0);
	ck_assert_int_eq(af_file_seek(file, -4, SEEK_CUR), 2);
	expect_text(&rig, reading(file, 1), "2", 0);
	ck_assert_int_eq(af_file_seek(file, -1, SEEK_END), 9);
	f = reading(file, 0);
	expect_text(&rig, f, "9", AFIO_EOF);
	ck_assert_int_eq(af_file_seek(file, 20, SEEK_SET), 20);
	expect_text(&rig, reading(file, 1), "", AFIO_EOF);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	expect_text(&rig, reading(file, 0), "0123456789", AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(file_beyond_four_gigabytes_is_read_and_written_there)
{
	const off_t far = (off_t)5 << 30;
	static char zeros[70000];
	struct af_file *file;

	rig_open(&rig, _i);
	file = opened("file", "w+");
	ck_assert_int_eq(af_file_seek(file, far, SEEK_SET), far);
	expect_count(&rig, writing(file, "far away"), 8, 0);
	ck_assert_int_eq(af_file_size(file), far + 8);
	/* The hole before it. */
	ck_assert_int_eq(af_file_seek(file, -70008, SEEK_END), far - 70000);
	expect_bytes(&rig, af_file_read(file, sizeof zeros, AFIO_FULL, NULL),
		     zeros, sizeof zeros, 0);
	expect_text(&rig, reading(file, 0), "far away", AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(file_shrunk_while_read_ends_earlier)
{
	struct af_file *file;
	int fd;

	rig_open(&rig, _i);
	fd = open_file("file");
	put_pattern(fd, 200000, 0);
	file = opened("file", "r");
	expect_data_pattern(&rig, af_file_read(file, 10, AFIO_FULL, NULL), 10,
			    0, 0);
	ck_assert_int_eq(ftruncate(fd, 100000), 0);
	expect_data_pattern(&rig, reading(file, 0), 99990, 10, AFIO_EOF);
	ck_assert_int_eq(ftruncate(fd, 10), 0);
	expect_text(&rig, reading(file, 0), "", AFIO_EOF);
	close(fd);
	close_all(file);
}
END_TEST

/* So that it is read from the disk, where the system can be asked to. */
#ifdef POSIX_FADV_DONTNEED
static void forget_pages(int fd)
{
	ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}
#else
static void forget_pages(int fd)
{
	(void)fd;
}
#endif

START_TEST(file_not_in_memory_is_read_whole)
{
	const size_t len = 3000000;
	struct af_file *file;
	int fd;

	rig_open(&rig, _i);
	fd = open_file("file");
	put_pattern(fd, len, 0);
	ck_assert_int_eq(fsync(fd), 0);
	forget_pages(fd);
	file = opened("file", "r");
	expect_data_pattern(&rig, reading(file, 0), len, 0, AFIO_EOF);
	close(fd);
	close_all(file);
}
END_TEST

START_TEST(empty_file_is_at_its_end)
{
	struct af_file *file;

	rig_open(&rig, _i);
	make_file("file", "", 0600);
	file = opened("file", "r");
	expect_text(&rig, reading(file, 0), "", AFIO_EOF);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_size(file), 0);
	close_all(file);
}
END_TEST

START_TEST(file_of_proc_is_read_to_its_end)
{
	struct af_file *file;
	struct af_future *f;
	bool found = false, ended = false;

	rig_open(&rig, _i);
	file = opened("/proc/self/status", "r");
	while (!ended) {
		f = af_file_readline(file, 0, 0, 0, NULL);
		ck_assert_int_eq(drive(&rig, f), 0);
		found |= strncmp(af_future_data(f, NULL), "Pid:\t", 5) == 0;
		ended = af_future_flags(f) & AFIO_EOF;
		af_future_unref(f);
	}
	ck_assert(found);
	close_all(file);
}
END_TEST

START_TEST(devices_opened_by_name_are_what_they_are)
{
	static char zeros[100000];
	struct af_file *file;

	rig_open(&rig, _i);
	file = opened("/dev/null", "r+");
	expect_text(&rig, reading(file, 0), "", AFIO_EOF);
	expect_count(&rig, writing(file, "abc"), 3, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	file = opened("/dev/zero", "r");
	expect_bytes(&rig, af_file_read(file, sizeof zeros, AFIO_FULL, NULL),
		     zeros, sizeof zeros, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	file = opened("/dev/full", "w");
	expect_error(&rig, writing(file, "abc"), -ENOSPC);
	ck_assert_int_eq(af_file_close(file), 0);
	file = opened("/dev/urandom", "r");
	expect_count(&rig, af_file_read(file, 1000, AFIO_FULL, NULL), 1000, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	file = opened("/dev/random", "r");
	expect_count(&rig, af_file_read(file, 10, AFIO_FULL, NULL), 10, 0);
	close_all(file);
}
END_TEST

static int take_all(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)flags;
	(void)len;
	(void)arg;
	return 0;
}

/* A line without end: bounded by time, when it has grown to some size. */
START_TEST(endless_line_leaves_others_their_turn)
{
	const struct timeval limit = { .tv_usec = 50000 };
	struct af_file *file;

	rig_open(&rig, _i);
	file = opened("/dev/zero", "r");
	expect_error(&rig,
		     af_with_timeout(af_file_each_line(file, take_all, NULL),
				     &limit),
		     -ETIMEDOUT);
	close_all(file);
}
END_TEST

/* At the deadline it has what has come, though more would be there at once. */
START_TEST(endless_read_ends_at_its_deadline)
{
	struct af_future *f;
	struct af_file *file;

	rig_open(&rig, _i);
	file = opened("/dev/zero", "r");
	f = af_file_read(file, 0, 0, MS(20));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), AFIO_TIMEDOUT);
	ck_assert_uint_gt(af_future_count(f), 0);
	af_future_unref(f);
	f = af_file_read_until(file, "no", 2, 0, 0, MS(20));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), AFIO_TIMEDOUT);
	af_future_unref(f);
	close_all(file);
}
END_TEST

static void note_turn(void *arg)
{
	struct af_file *file = arg;

	position = lseek(af_file_fd(file), 0, SEEK_CUR);
}

/* All of it is in memory, and could be had by one call. */
START_TEST(large_file_in_memory_leaves_others_their_turn)
{
	const size_t len = 40000000;
	struct af_file *file;
	struct af_future *f;
	int fd;

	rig_open(&rig, _i);
	fd = open_file("file");
	put_pattern(fd, len, 0);
	file = opened("file", "r");
	f = af_file_read(file, len, AFIO_FULL, NULL);
	ck_assert_int_eq(af_loop_post(rig.loop, note_turn, file), 0);
	position = -1;
	expect_data_pattern(&rig, f, len, 0, 0);
	ck_assert_int_ge(position, 0);
	ck_assert_int_lt(position, (off_t)len);
	close(fd);
	close_all(file);
}
END_TEST

START_TEST(fifo_to_write_without_a_reader_is_enxio)
{
	rig_open(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	errno = 0;
	ck_assert_ptr_null(af_file_open(rig.loop, "fifo", "w"));
	ck_assert_int_eq(errno, ENXIO);
	unlink("fifo");
	rig_close(&rig);
}
END_TEST

START_TEST(fifo_both_ways_carries_lines)
{
	struct af_file *file;

	rig_open(&rig, _i);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	file = opened("fifo", "r+");
	expect_count(&rig, writing(file, "abc\n"), 4, 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "abc\n", 0);
	expect_error(&rig, af_file_read(file, 1, 0, MS(1)), -ETIMEDOUT);
	unlink("fifo");
	close_all(file);
}
END_TEST

START_TEST(fifo_without_a_writer_yet_is_not_at_its_end)
{
	struct af_file *file;
	struct af_future *f;
	int fd;

	rig_open(&rig, _i);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	file = opened("fifo", "r");
	expect_error(&rig, af_file_read(file, 1, 0, MS(0)), -ETIMEDOUT);
	expect_error(&rig, af_file_read(file, 0, 0, MS(5)), -ETIMEDOUT);
	f = af_file_readline(file, 0, 0, 0, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	fd = open("fifo", O_WRONLY | O_CLOEXEC);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	put_text(fd, "abc\nd");
	expect_text(&rig, f, "abc\n", 0);
	close(fd);
	expect_text(&rig, reading(file, 0), "d", AFIO_EOF);
	expect_text(&rig, reading(file, 0), "", AFIO_EOF);
	unlink("fifo");
	close_all(file);
}
END_TEST

START_TEST(fifo_without_a_writer_yet_is_copied_when_one_comes)
{
	struct af_file *file;
	struct af_future *f;
	int fd;

	rig_open(&rig, _i);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	file = opened("fifo", "r");
	f = af_file_copy(file, rig_writer(&rig), -1, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	fd = open("fifo", O_WRONLY | O_CLOEXEC);
	put_text(fd, "abc");
	close(fd);
	expect_count(&rig, f, 3, AFIO_EOF);
	unlink("fifo");
	close_all(file);
}
END_TEST

/* One that came and went without a word. */
START_TEST(fifo_whose_writer_came_and_went_is_at_its_end)
{
	struct af_file *file;
	struct af_future *f;

	rig_open(&rig, _i);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	file = opened("fifo", "r");
	f = reading(file, 0);
	turn(&rig);
	close(open("fifo", O_WRONLY | O_CLOEXEC));
	expect_text(&rig, f, "", AFIO_EOF);
	unlink("fifo");
	close_all(file);
}
END_TEST

/* As a shell hands it over, to who is not there before the writer has left. */
START_TEST(fifo_taken_over_after_its_writer_left_is_read_to_its_end)
{
	unsigned flags = _i % 2 ? AFIO_KEEP_FD : 0;
	struct af_file *file;
	int both, fd, shared;

	rig_open(&rig, _i / 2);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	both = open("fifo", O_RDWR | O_CLOEXEC);
	fd = open("fifo", O_RDONLY | O_CLOEXEC);
	shared = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	put_text(both, "abc\nd");
	close(both);
	file = af_file_new(rig.loop, fd, flags);
	ck_assert_ptr_nonnull(file);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "abc\n", 0);
	expect_text(&rig, af_file_read(file, 0, 0, MS(20000)), "d", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	if (flags & AFIO_KEEP_FD)
		ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(fcntl(shared, F_GETFL) & O_NONBLOCK, 0);
	close(shared);
	unlink("fifo");
	rig_close(&rig);
}
END_TEST

START_TEST(fifo_detached_is_blocking)
{
	struct af_file *file;
	int fd;

	rig_open(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	file = opened("fifo", "r+");
	fd = af_file_detach(file, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close(fd);
	unlink("fifo");
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/disk");
	TCase *tc = scratch_case(s, "disk");

#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	tcase_add_loop_test(tc, open_in_a_mode_does_what_fopen_does, 0,
			    2 * MODES);
	tcase_add_test(tc, open_of_nonsense_fails_and_touches_nothing);
	ADD(position_size_and_sync_of_nonsense_fail);
	ADD(seek_moves_from_where_the_reads_ended);
	ADD(file_beyond_four_gigabytes_is_read_and_written_there);
	ADD(file_shrunk_while_read_ends_earlier);
	ADD(file_not_in_memory_is_read_whole);
	ADD(empty_file_is_at_its_end);
	ADD(file_of_proc_is_read_to_its_end);
	ADD(devices_opened_by_name_are_what_they_are);
	ADD(endless_line_leaves_others_their_turn);
	ADD(endless_read_ends_at_its_deadline);
	ADD(large_file_in_memory_leaves_others_their_turn);
	tcase_add_test(tc, fifo_to_write_without_a_reader_is_enxio);
	ADD(fifo_both_ways_carries_lines);
	ADD(fifo_without_a_writer_yet_is_not_at_its_end);
	ADD(fifo_without_a_writer_yet_is_copied_when_one_comes);
	ADD(fifo_whose_writer_came_and_went_is_at_its_end);
	tcase_add_loop_test(
		tc, fifo_taken_over_after_its_writer_left_is_read_to_its_end, 0,
		2 * DRIVE_COUNT);
	tcase_add_test(tc, fifo_detached_is_blocking);
	return s;
}
