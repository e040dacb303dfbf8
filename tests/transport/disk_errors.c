/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of an operation whose worker's call fails, and of bytes that a
 * worker has read when the file is detached.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/denied.h"
#include "support/pattern.h"
#include "support/slowrig.h"

/* What a read of "abc" by a worker makes of the error of its first call. */
static const struct {
	int error, result;
	bool direct;
} reads[] = {
	{ EINTR, 0, false },  { EAGAIN, -EIO, false },
	{ EIO, -EIO, false }, { EINVAL, -EINVAL, false },
	{ EINTR, 0, true },   { EAGAIN, -EIO, true },
	{ EIO, -EIO, true },  { EINVAL, 0, true }, /* of larger blocks */
};
#define N_READS ((int)(sizeof reads / sizeof *reads))

/* Index: a row; from the position, or at an offset; and who drives. */
START_TEST(read_of_a_worker_that_fails_ends_as_the_table_says)
{
	int row = _i / 2 / DRIVE_COUNT;
	struct slow slow = { .now = NOW_COLD, .read = { reads[row].error, 0 } };
	struct af_file *file;
	struct af_future *f;
	int fd;

	if (reads[row].direct && !have_linux("O_DIRECT"))
		return;
	open_cold(_i / 2 % DRIVE_COUNT);
	make_file("file", "abc", 0600);
	fd = open("file",
		  O_RDONLY | O_CLOEXEC | (reads[row].direct ? O_DIRECT : 0));
	if (fd < 0) {
		ck_assert_int_eq(errno, EINVAL);
		fprintf(stderr, "skipped: no O_DIRECT\n");
		rig_close(&rig);
		return;
	}
	file = af_file_new(rig.loop, fd, 0);
	slow_set(&slow);
	f = _i % 2 ? af_file_read_at(file, 9, 0, 0, NULL) : reading(file, 9);
	if (reads[row].result == 0)
		expect_text(&rig, f, "abc", 0);
	else
		expect_error(&rig, f, reads[row].result);
	expect_text(&rig, af_file_read_at(file, 9, 0, 0, NULL), "abc", 0);
	close_all(file);
}
END_TEST

static const struct {
	int error, result;
} writes[] = {
	{ EINTR, 0 }, { EAGAIN, -EIO }, { EINVAL, -EINVAL }, { EIO, -EIO }
};
#define N_WRITES ((int)(sizeof writes / sizeof *writes))

START_TEST(write_of_a_worker_that_fails_ends_as_the_table_says)
{
	int row = _i / DRIVE_COUNT;
	struct slow slow = { .now = NOW_COLD,
			     .write = { writes[row].error, 0 } };
	struct af_file *file;

	open_cold(_i % DRIVE_COUNT);
	file = containing("", "w");
	slow_set(&slow);
	if (writes[row].result == 0)
		expect_count(&rig, writing(file, "abc"), 3, 0);
	else
		expect_error(&rig, writing(file, "abc"), writes[row].result);
	expect_count(&rig, writing(file, "de"), 2, 0);
	expect_file("file", writes[row].result ? "de" : "abcde");
	close_all(file);
}
END_TEST

static int detach(struct af_file *file, struct evbuffer *unread)
{
	int fd;

	slow_go();
	while ((fd = af_file_detach(file, unread)) == -EBUSY)
		expect_life();
	return fd;
}

START_TEST(detach_puts_the_position_in_front_of_what_a_worker_has_read)
{
	struct evbuffer *unread = evbuffer_new();
	struct af_file *file;
	char text[9] = "";
	int fd;

	open_cold(_i);
	file = containing("abcdef", "r");
	read_for_nobody(file);
	fd = detach(file, unread);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(evbuffer_get_length(unread), 0);
	ck_assert_int_eq(read(fd, text, 8), 6);
	ck_assert_str_eq(text, "abcdef");
	close(fd);
	evbuffer_free(unread);
	rig_close(&rig);
}
END_TEST

/* Of what has no position that can be moved back. */
START_TEST(detach_hands_over_what_a_worker_has_read)
{
	const struct denied lseek_of_all = { "lseek", SYS_lseek, 0, 0, 0 };
	struct evbuffer *unread = evbuffer_new();
	struct af_file *file;
	char text[9] = "";
	int fd;

	open_cold(_i);
	file = containing("abcdef", "r");
	read_for_nobody(file);
	if (deny(&lseek_of_all, 1, ESPIPE)) {
		fd = detach(file, unread);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(evbuffer_remove(unread, text, 8), 6);
		ck_assert_str_eq(text, "abcdef");
		ck_assert_int_eq(read(fd, text, 8), 0);
		close(fd);
	} else {
		ck_assert_int_eq(af_file_close(file), 0);
	}
	evbuffer_free(unread);
	rig_close(&rig);
}
END_TEST

/* One that is too large for a call, and some that are so together. */
START_TEST(buffer_of_large_pieces_is_written_at_once_and_whole)
{
	const struct slow now = { .now = NOW_AT_ONCE };
	static const size_t pieces[] = { 3 << 20, 5, 700 << 10, 700 << 10, 7 };
	static unsigned char data[3 << 20];
	struct evbuffer *buf = evbuffer_new();
	struct af_file *file;
	size_t total = 0;

	if (!have_linux("RWF_NOWAIT"))
		return;
	rig_open(&rig, _i);
	slow_set(&now);
	file = opened("file", "w+");
	pattern_fill(data, sizeof data, 0);
	for (int i = 0; i < 5; i++) {
		evbuffer_add_reference(buf, data, pieces[i], NULL, NULL);
		total += pieces[i];
	}
	expect_count(&rig, af_file_write_buffer(file, buf, AFIO_FULL, NULL),
		     total, 0);
	ck_assert_uint_eq(slow_calls(), 0);
	ck_assert_uint_le(slow_longest(), 1 << 20);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	for (int i = 0; i < 5; i++)
		expect_data_pattern(
			&rig, af_file_read(file, pieces[i], AFIO_FULL, NULL),
			pieces[i], 0, 0);
	evbuffer_free(buf);
	close_all(file);
}
END_TEST

/* What is on tmpfs is in memory, even if calls that do not wait are refused. */
START_TEST(copy_from_memory_without_such_calls_is_spliced)
{
	const struct slow slow = { .now = NOW_UNSUPPORTED };
	char path[] = "/dev/shm/asyncfile-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	struct af_file *file;
	struct statfs fs;

	if (fd >= 0)
		unlink(path);
	if (!have_linux("splice")) {
		close(fd);
		return;
	}
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != 0x01021994) {
		fprintf(stderr, "skipped: no tmpfs\n");
		close(fd);
		return;
	}
	put_pattern(fd, 3000, 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	rig_open(&rig, WAY(KIND_PIPE, _i));
	slow_set(&slow);
	file = af_file_new(rig.loop, fd, 0);
	rig_writer(&rig);
	expect_count(&rig, af_file_copy(file, rig.writer, 3000, NULL), 3000, 0);
	ck_assert_uint_gt(slow_bypassed(), 0);
	expect_pattern(rig.in, 3000, 0);
	close_all(file);
}
END_TEST

/* Older kernels say so of flags that they do not know. */
START_TEST(copy_whose_call_that_does_not_wait_is_invalid_is_whole)
{
	const struct slow slow = { .now_read = { EINVAL, 0 } };
	struct af_file *file;

	rig_open(&rig, WAY(KIND_PIPE, _i));
	file = containing("abc", "r");
	slow_set(&slow);
	rig_writer(&rig);
	rig_reader(&rig);
	expect_count(&rig, af_file_copy(file, rig.writer, 3, NULL), 3, 0);
	expect_text(&rig, reading(rig.reader, 3), "abc", 0);
	close_all(file);
}
END_TEST

/* It is told to nobody, nor to the next read, which asks again. */
START_TEST(read_for_nobody_that_fails_fails_no_other)
{
	const struct slow slow = { .now = NOW_COLD, .read = { EIO, 0 } };
	struct af_file *file;

	open_cold(_i);
	file = containing("abc", "r");
	read_for_nobody(file);
	slow_set(&slow);
	slow_go();
	while (af_file_seek(file, 0, SEEK_CUR) == -EBUSY)
		expect_life();
	expect_text(&rig, reading(file, 9), "abc", 0);
	close_all(file);
}
END_TEST

/* Where the size is not to be had, in a sandbox. */
START_TEST(disk_end_seen_for_nobody_without_a_size_is_looked_at_again)
{
	const struct denied call = { "statx", SYS_statx, 0, 0, 0 };
	struct af_file *file;

	if (!deny(&call, 1, EPERM))
		return;
	open_way(5 * DRIVE_COUNT + _i);
	file = containing("", "r");
	read_for_nobody(file);
	slow_go();
	for (int i = 0; i < 10; i++)
		expect_life();
	expect_text(&rig, reading(file, 9), "", AFIO_EOF);
	close_all(file);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/disk_errors");
	TCase *tc = scratch_case(s, "errors");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(read_of_a_worker_that_fails_ends_as_the_table_says,
	    N_READS * 2 * DRIVE_COUNT);
	ADD(write_of_a_worker_that_fails_ends_as_the_table_says,
	    N_WRITES * DRIVE_COUNT);
	ADD(detach_puts_the_position_in_front_of_what_a_worker_has_read,
	    DRIVE_COUNT);
	ADD(detach_hands_over_what_a_worker_has_read, DRIVE_COUNT);
	ADD(buffer_of_large_pieces_is_written_at_once_and_whole, DRIVE_COUNT);
	ADD(copy_whose_call_that_does_not_wait_is_invalid_is_whole,
	    DRIVE_COUNT);
	ADD(disk_end_seen_for_nobody_without_a_size_is_looked_at_again,
	    DRIVE_COUNT);
	ADD(read_for_nobody_that_fails_fails_no_other, DRIVE_COUNT);
	ADD(copy_from_memory_without_such_calls_is_spliced, DRIVE_COUNT);
	return s;
}
