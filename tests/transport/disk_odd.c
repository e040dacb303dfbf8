/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * On-disk files that are unlike others: opened with O_DIRECT, read at the
 * largest positions, those in /proc that can be polled, and a full disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define LENGTH 700001

static struct rig rig;

static struct af_file *take_file(int fd, unsigned flags)
{
	struct af_file *file = af_file_new(rig.loop, fd, flags);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(file);
	return file;
}

/* A file with the pattern, opened with O_DIRECT; -1: there is none. */
static int make_direct(int mode)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	int fd, direct;

	if (!have_linux("O_DIRECT"))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	put_pattern(fd, LENGTH, 0);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
	direct = open(path, mode | O_DIRECT | O_CLOEXEC);
	ck_assert_int_eq(unlink(path), 0);
	return direct;
}

/* Index: AFIO_UNBUFFERED, AFIO_KEEP_FD. */
START_TEST(direct_file_is_read_at_any_position)
{
	int fd = make_direct(O_RDONLY);
	unsigned flags =
		(_i & 1 ? AFIO_UNBUFFERED : 0) | (_i & 2 ? AFIO_KEEP_FD : 0);
	struct af_file *file;

	if (fd < 0)
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	file = take_file(fd, flags);
	expect_data_pattern(&rig, af_file_read(file, 1, 0, NULL), 1, 0, 0);
	expect_data_pattern(&rig, af_file_read(file, 9999, AFIO_FULL, NULL),
			    9999, 1, 0);
	ck_assert_int_eq(af_file_seek(file, 300007, SEEK_SET), 300007);
	expect_data_pattern(&rig, af_file_read(file, 0, 0, NULL),
			    LENGTH - 300007, 300007, AFIO_EOF);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_seek(file, LENGTH - 1, SEEK_SET), LENGTH - 1);
	expect_data_pattern(&rig, af_file_read(file, 9, 0, NULL), 1, LENGTH - 1,
			    0);
	ck_assert_int_eq(af_file_seek(file, 4097, SEEK_SET), 4097);
	expect_data_pattern(&rig, af_file_read(file, 3, AFIO_FULL, NULL), 3,
			    4097, 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 4100);
	ck_assert_int_eq(af_file_close(file), 0);
	if (flags & AFIO_KEEP_FD) {
		ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 4100);
		close(fd);
	}
	rig_close(&rig);
}
END_TEST

static int note_bytes(const char *data, size_t len, unsigned flags, void *arg)
{
	size_t *n = arg;

	(void)data;
	(void)flags;
	*n += len;
	return 0;
}

/* Index: into a pipe or a socket. */
START_TEST(direct_file_is_copied)
{
	int fd = make_direct(O_RDONLY);
	struct af_file *file;
	struct af_future *f;
	size_t n = 0;

	if (fd < 0)
		return;
	rig_open(&rig, WAY(_i, DRIVE_AWAIT));
	file = take_file(fd, 0);
	rig_reader(&rig);
	rig_writer(&rig);
	f = af_file_each_chunk(rig.reader, note_bytes, &n);
	expect_count(&rig, af_file_copy(file, rig.writer, -1, NULL), LENGTH,
		     AFIO_EOF);
	rig_hang_up(&rig);
	expect_count(&rig, f, LENGTH, AFIO_EOF);
	ck_assert_uint_eq(n, LENGTH);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* A whole block, from memory at any address. */
START_TEST(direct_file_is_written_in_blocks)
{
	int fd = make_direct(O_RDWR);
	char *block = malloc(4097), read_back[4096];
	struct af_file *file;

	if (fd < 0)
		return;
	memset(block, 'x', 4097);
	rig_open_loop(&rig, DRIVE_AWAIT);
	file = take_file(fd, 0);
	ck_assert_int_eq(af_file_seek(file, 8192, SEEK_SET), 8192);
	expect_count(&rig,
		     af_file_write(file, block + 1, 4096, AFIO_FULL, NULL),
		     4096, 0);
	ck_assert_int_eq(af_file_seek(file, 8192, SEEK_SET), 8192);
	memset(read_back, 'x', sizeof read_back);
	expect_bytes(&rig, af_file_read(file, 4096, AFIO_FULL, NULL), read_back,
		     4096, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
	free(block);
}
END_TEST

/* A file in memory, which may be as long as positions go. */
static int make_long(int64_t at, const char *text)
{
	int fd = memfd_create("long", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, text, strlen(text), at), strlen(text));
	ck_assert_int_eq(lseek(fd, at, SEEK_SET), at);
	return fd;
}

/* Index: how far from the largest position. */
START_TEST(file_is_read_near_the_largest_position)
{
	struct af_file *file;

	rig_open_loop(&rig, DRIVE_AWAIT);
	file = take_file(make_long(INT64_MAX - 10 - _i, "abc"), 0);
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "abc", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	file = take_file(memfd_create("short", MFD_CLOEXEC), 0);
	ck_assert_int_eq(af_file_seek(file, INT64_MAX - _i, SEEK_SET),
			 INT64_MAX - _i);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* Index: how far from the largest position, and to a pipe or a socket. */
START_TEST(file_is_copied_near_the_largest_position)
{
	struct af_file *file;
	int64_t at = INT64_MAX - 10 - _i / 2;
	char text[9] = "";

	rig_open(&rig, WAY(_i % 2, DRIVE_AWAIT));
	rig_writer(&rig);
	file = take_file(make_long(at, "abc"), 0);
	expect_count(&rig, af_file_copy(file, rig.writer, -1, NULL), 3,
		     AFIO_EOF);
	ck_assert_int_eq(read(rig.in, text, 8), 3);
	ck_assert_str_eq(text, "abc");
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), at + 3);
	ck_assert_int_eq(af_file_seek(file, INT64_MAX, SEEK_SET), INT64_MAX);
	expect_count(&rig, af_file_copy(file, rig.writer, -1, NULL), 0,
		     AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* Seekable, and always readable: it is read like one on disk. */
START_TEST(proc_file_that_is_always_ready_can_be_read_again)
{
	struct af_file *file;
	struct af_future *f;

	rig_open_loop(&rig, DRIVE_AWAIT);
	file = af_file_open(rig.loop, _i ? "/proc/self/mounts" : "/proc/stat",
			    "r");
	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 2; i++) {
		f = af_file_read(file, 0, 0, NULL);
		ck_assert_int_eq(drive(&rig, f), 0);
		ck_assert_uint_gt(af_future_count(f), 0);
		af_future_unref(f);
		ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* No worker may wait there for ever. Nothing is read: it is the system's. */
START_TEST(proc_file_that_waits_is_polled)
{
	struct af_file *file;

	if (!have_linux("files in /proc that can be polled"))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	file = af_file_open(rig.loop, "/proc/kmsg", "r");
	if (!file) {
		ck_assert_msg(errno == EPERM || errno == EACCES ||
				      errno == ENOENT,
			      "%s", strerror(errno));
	} else {
		ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), -ESPIPE);
		ck_assert_int_eq(fcntl(af_file_fd(file), F_GETFL) & O_NONBLOCK,
				 0);
		ck_assert_int_eq(af_file_close(file), 0);
	}
	rig_close(&rig);
}
END_TEST

/* Needs to be allowed to mount one. */
START_TEST(disk_full_fails_enospc_and_says_how_much_fitted)
{
	static char data[300000];
	struct af_file *file;
	struct af_future *f;
	size_t n;

	rig_open_loop(&rig, (enum driver)_i);
	ck_assert_int_eq(mkdir("small", 0700), 0);
	if (mount("none", "small", "tmpfs", 0, "size=64k") < 0) {
		fprintf(stderr, "skipped: a full disk: mount: %s\n",
			strerror(errno));
		rig_close(&rig);
		rmdir("small");
		return;
	}
	file = af_file_open(rig.loop, "small/file", "w");
	ck_assert_ptr_nonnull(file);
	f = af_file_write(file, data, sizeof data, AFIO_FULL, NULL);
	ck_assert_int_eq(drive(&rig, f), -ENOSPC);
	n = af_future_count(f);
	af_future_unref(f);
	ck_assert_int_eq(af_file_size(file), (off_t)n);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(umount2("small", MNT_DETACH), 0);
	ck_assert_uint_eq(n, 65536);
	rmdir("small");
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/disk_odd");
	TCase *tc = test_case(s, "direct");

	tcase_add_loop_test(tc, direct_file_is_read_at_any_position, 0, 4);
	tcase_add_loop_test(tc, direct_file_is_copied, 0, KIND_TCP);
	tcase_add_test(tc, direct_file_is_written_in_blocks);
	tc = test_case(s, "positions");
	tcase_add_loop_test(tc, file_is_read_near_the_largest_position, 0, 3);
	tcase_add_loop_test(tc, file_is_copied_near_the_largest_position, 0, 6);
	tc = test_case(s, "proc");
	tcase_add_loop_test(
		tc, proc_file_that_is_always_ready_can_be_read_again, 0, 2);
	tcase_add_test(tc, proc_file_that_waits_is_polled);
	tc = scratch_case(s, "full");
	tcase_add_loop_test(tc, disk_full_fails_enospc_and_says_how_much_fitted,
			    0, DRIVE_COUNT);
	return s;
}
