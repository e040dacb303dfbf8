/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads and writes at an offset: their outcome tables, on a disk that is fast,
 * slow or odd, and many at once.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/contexts.h"
#include "support/pattern.h"
#include "support/slowrig.h"

#define LARGE (5 * PIECE + 123)
#define MANY 200

static struct af_future *read_at(struct af_file *file, size_t size,
				 int64_t offset)
{
	return af_file_read_at(file, size, offset, 0, NULL);
}

static struct af_future *read_full(struct af_file *file, size_t size,
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

static void make_large(void)
{
	int fd = open_file("file");

	put_pattern(fd, LARGE, 0);
	close(fd);
}

START_TEST(read_at_ends_as_the_table_says)
{
	struct af_file *file;

	open_way(_i);
	file = containing("one two three four", "r");
	expect_text(&rig, read_at(file, 3, 4), "two", 0);
	expect_text(&rig, read_full(file, 5, 3), " two ", 0);
	expect_text(&rig, read_at(file, 99, 8), "three four", 0);
	expect_text(&rig, read_full(file, 99, 8), "three four", AFIO_EOF);
	expect_text(&rig, af_file_read_at(file, 0, 14, 0, MS(20000)), "four",
		    AFIO_EOF);
	expect_text(&rig, read_at(file, 0, 18), "", AFIO_EOF);
	expect_text(&rig, read_at(file, 9, 18), "", AFIO_EOF);
	expect_text(&rig, read_full(file, 9, 1000), "", AFIO_EOF);
	expect_text(&rig, read_at(file, 9, INT64_MAX), "", AFIO_EOF);
	expect_text(&rig, read_at(file, 9, INT64_MAX - 3), "", AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(read_at_leaves_position_and_buffer_alone)
{
	struct af_file *file;

	open_way(_i);
	file = containing("one\ntwo\nthree\n", "r+");
	expect_text(&rig, read_at(file, 3, 4), "two", 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "one\n", 0);
	expect_text(&rig, read_at(file, 3, 0), "one", 0);
	expect_count(&rig, write_at(file, "T", 4), 1, 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 4);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "Two\n", 0);
	expect_count(&rig, writing(file, "T"), 1, 0);
	expect_file("file", "one\nTwo\nThree\n");
	close_all(file);
}
END_TEST

START_TEST(write_at_ends_as_the_table_says)
{
	struct af_file *file;
	struct af_future *f;
	size_t n;

	open_way(_i);
	file = containing("0123456789", "r+");
	expect_count(&rig, write_at(file, "abc", 2), 3, 0);
	expect_count(&rig,
		     af_file_write_at(file, "xyz", 3, 7,
				      AFIO_FULL | AFIO_BORROW, MS(20000)),
		     3, 0);
	expect_count(&rig, write_at(file, "", 5), 0, 0);
	expect_count(&rig, af_file_write_at(file, NULL, 0, 5, 0, NULL), 0, 0);
	f = af_file_write_at(file, "defghijk", 8, 12, 0, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	n = af_future_count(f);
	ck_assert(n > 0 && n <= 8);
	af_future_unref(f);
	expect_bytes(&rig, read_at(file, 0, 0), "01abc56xyz\0\0defghijk",
		     12 + n, AFIO_EOF);
	close_all(file);
}
END_TEST

/* What does not make sense, or is not on disk. */
START_TEST(read_at_refused_says_why)
{
	struct af_file *file, *other;

	rig_open(&rig, _i);
	file = containing("abc", "r");
	expect_error(&rig, read_at(NULL, 1, 0), -EINVAL);
	expect_error(&rig, read_at(file, 1, -1), -EINVAL);
	expect_error(&rig, af_file_read_at(file, 1, 0, AFIO_BORROW, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_read_at(file, 1, 0, 0, MS(-1000)), -EINVAL);
	expect_error(&rig, write_at(file, "x", 0), -EBADF);
	expect_error(&rig, af_file_finish(file, NULL), 0);
	expect_error(&rig, read_at(file, 1, 0), -EBADF);
	ck_assert_int_eq(af_file_close(file), 0);
	other = opened("file", "a");
	expect_error(&rig, write_at(NULL, "x", 0), -EINVAL);
	expect_error(&rig, write_at(other, "x", -1), -EINVAL);
	expect_error(&rig, af_file_write_at(other, NULL, 1, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_write_at(other, "x", 1, 0, AFIO_MORE, NULL),
		     -EINVAL);
	expect_error(&rig, read_at(other, 1, 0), -EBADF);
	ck_assert_int_eq(af_file_close(other), 0);
	expect_error(&rig, read_at(rig_reader(&rig), 1, 0), -ESPIPE);
	expect_error(&rig, write_at(rig_writer(&rig), "x", 0), -ESPIPE);
	rig_close(&rig);
}
END_TEST

START_TEST(write_at_the_largest_position_is_efbig)
{
	struct af_file *file;

	open_way(_i);
	file = containing("abc", "r+");
	expect_error(&rig, write_at(file, "x", INT64_MAX), -EFBIG);
	expect_error(&rig, write_at(file, "xyz", INT64_MAX - 2), -EFBIG);
	expect_file("file", "abc");
	close_all(file);
}
END_TEST

/* All of them are under way before the first is waited for. */
START_TEST(read_at_many_at_once_in_any_order_returns_each_its_own)
{
	struct af_future *f[MANY];
	size_t at[MANY], len[MANY];
	struct af_file *file;

	open_way(_i);
	srandom((unsigned)_i);
	make_large();
	file = opened("file", "r");
	for (int i = 0; i < MANY; i++) {
		at[i] = (size_t)random() % LARGE;
		len[i] = 1 + (size_t)random() % (i % 20 ? 5000 : 2 * PIECE);
		f[i] = read_full(file, len[i], (int64_t)at[i]);
	}
	for (int i = MANY - 1; i >= 0; i--) {
		size_t left = LARGE - at[i];
		bool cut = len[i] > left;

		expect_data_pattern(&rig, f[i], cut ? left : len[i], at[i],
				    cut ? AFIO_EOF : 0);
	}
	expect_data_pattern(&rig, read_at(file, 0, 7), LARGE - 7, 7, AFIO_EOF);
	expect_data_pattern(&rig, reading(file, 0), LARGE, 0, AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(write_at_many_at_once_in_any_order_writes_each_in_its_place)
{
	struct af_future *f[MANY];
	unsigned char block[99];
	struct af_file *file;

	open_way(_i);
	file = containing("", "w+");
	for (size_t i = 0; i < MANY; i++) {
		size_t at = i * 77 % MANY * sizeof block;

		/* Copied by the call, where it is not written by it. */
		pattern_fill(block, sizeof block, at);
		f[i] = af_file_write_at(file, block, sizeof block, (int64_t)at,
					AFIO_FULL, NULL);
	}
	for (int i = 0; i < MANY; i++)
		expect_count(&rig, f[i], sizeof block, 0);
	expect_data_pattern(&rig, reading(file, 0), MANY * sizeof block, 0,
			    AFIO_EOF);
	close_all(file);
}
END_TEST

START_TEST(write_at_large_is_written_whole)
{
	size_t len = ways[_i / DRIVE_COUNT].slow.write_max ? 9999 : LARGE;
	unsigned char *data = malloc(len);
	struct af_file *file;

	open_way(_i);
	pattern_fill(data, len, 0);
	file = containing("", "w+");
	expect_count(&rig,
		     af_file_write_at(file, data, len, 5, AFIO_FULL, NULL), len,
		     0);
	expect_data_pattern(&rig, read_full(file, len, 5), len, 0, 0);
	close_all(file);
	free(data);
}
END_TEST

/* A reader with a limit of its own is not touched by that of the file. */
START_TEST(read_at_of_all_beyond_the_limit_is_emsgsize)
{
	struct af_file *file;

	open_way(_i);
	file = containing("abcdef", "r");
	ck_assert_int_eq(af_file_set_limit(file, 4), 0);
	expect_error(&rig, read_at(file, 0, 1), -EMSGSIZE);
	expect_text(&rig, read_at(file, 0, 2), "cdef", AFIO_EOF);
	expect_text(&rig, read_full(file, 6, 0), "abcdef", 0);
	close_all(file);
}
END_TEST

/* Index: whether there are workers, and who drives. */
START_TEST(read_at_that_fails_says_so_and_can_be_tried_again)
{
	struct slow slow = { .now = NOW_BYPASSED, .read = { EIO, 1 } };
	struct af_file *file;

	open_way((_i < DRIVE_COUNT ? 1 : 3) * DRIVE_COUNT + _i % DRIVE_COUNT);
	make_large();
	file = opened("file", "r");
	slow_set(&slow);
	expect_error(&rig, read_full(file, LARGE, 1), -EIO);
	expect_data_pattern(&rig, read_full(file, LARGE - 1, 1), LARGE - 1, 1,
			    0);
	slow.read = (struct slow_failure){ EIO, 0 };
	slow_set(&slow);
	expect_error(&rig, read_at(file, 9, LARGE - 9), -EIO);
	expect_data_pattern(&rig, read_at(file, 9, LARGE - 9), 9, LARGE - 9, 0);
	close_all(file);
}
END_TEST

#ifdef HAVE_RWF
START_TEST(read_at_error_after_some_data_comes_after_it)
{
	struct slow slow = { .now_read = { EIO, 1 } };
	struct af_file *file;
	struct af_future *f;
	size_t n;

	rig_open(&rig, _i);
	make_large();
	file = opened("file", "r");
	slow_set(&slow);
	f = read_at(file, LARGE, 3);
	ck_assert_int_eq(drive(&rig, f), 0);
	n = af_future_count(f);
	expect_data_pattern(&rig, f, n, 3, AFIO_ERROR);
	slow.now_read = (struct slow_failure){ EIO, 0 };
	slow_set(&slow);
	expect_error(&rig, read_at(file, 9, (int64_t)n), -EIO);
	close_all(file);
}
END_TEST
#endif

START_TEST(write_at_that_fails_says_what_went_out)
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
		f = af_file_write_at(file, data, sizeof data, 10, AFIO_FULL,
				     NULL);
		ck_assert_int_eq(drive(&rig, f), -errors[i]);
		ck_assert_uint_eq(af_future_count(f), 2 * PIECE);
		af_future_unref(f);
		ck_assert_int_eq(af_file_size(file), (off_t)(2 * PIECE + 10));
		close_all(file);
	}
}
END_TEST

#define LIMIT (1 << 20)

START_TEST(write_at_past_the_limit_is_efbig_without_a_signal)
{
	struct rlimit limit;
	struct af_file *file;
	struct af_future *f;

	open_way(_i);
	file = containing("", "w");
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = LIMIT;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	f = af_file_write_at(file, (char[1500]){ 0 }, 1500, LIMIT - 1000,
			     AFIO_FULL, NULL);
	ck_assert_int_eq(drive(&rig, f), -EFBIG);
	ck_assert_uint_eq(af_future_count(f), 1000);
	af_future_unref(f);
	expect_error(&rig, write_at(file, "x", LIMIT), -EFBIG);
	close_all(file);
}
END_TEST

/* Needs to be allowed to mount one. */
START_TEST(write_at_on_a_full_disk_says_how_much_fitted)
{
#ifdef __linux__
	static char data[300000];
	struct af_file *file;
	struct af_future *f;

	rig_open_loop(&rig, (enum driver)_i);
	ck_assert_int_eq(mkdir("small", 0700), 0);
	if (mount("none", "small", "tmpfs", 0, "size=64k") < 0) {
		fprintf(stderr, "skipped: a full disk: mount: %s\n",
			strerror(errno));
		rig_close(&rig);
		rmdir("small");
		return;
	}
	file = opened("small/file", "w");
	f = af_file_write_at(file, data, sizeof data, 0, AFIO_FULL, NULL);
	ck_assert_int_eq(drive(&rig, f), -ENOSPC);
	ck_assert_uint_eq(af_future_count(f), 65536);
	af_future_unref(f);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(umount2("small", MNT_DETACH), 0);
	rmdir("small");
	rig_close(&rig);
#endif
}
END_TEST

/* POSIX has the offset count; Linux does not, and the header says so. */
START_TEST(write_at_of_a_file_opened_to_append_does_what_pwrite_does)
{
	struct af_file *file;
	char text[9] = "";
	int fd;

	open_way(_i);
	make_file("other", "abc", 0600);
	fd = open("other", O_RDWR | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
	ck_assert_int_ge(pread(fd, text, 8, 0), 3);
	close(fd);
	file = containing("abc", "a");
	expect_count(&rig, write_at(file, "x", 0), 1, 0);
	expect_file("file", text);
	close_all(file);
}
END_TEST

#ifdef O_DIRECT
START_TEST(read_at_of_a_direct_file_takes_any_offset)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	static const int64_t at[] = { 0, 1, 4095, 4096, 300007, LARGE - 1 };
	int fd = mkostemp(path, O_CLOEXEC);
	struct af_file *file;
	char *block;

	put_pattern(fd, LARGE, 0);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	ck_assert_int_eq(unlink(path), 0);
	if (fd < 0)
		return;
	if (!have_linux("O_DIRECT")) {
		close(fd);
		return;
	}
	rig_open(&rig, _i);
	file = af_file_new(rig.loop, fd, 0);
	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		expect_data_pattern(&rig, read_full(file, 1, at[i]), 1,
				    (size_t)at[i], 0);
		expect_data_pattern(&rig, read_at(file, 0, at[i]),
				    LARGE - (size_t)at[i], (size_t)at[i],
				    AFIO_EOF);
	}
	/* Where its block would end beyond the largest offset. */
	expect_text(&rig, read_at(file, 9, INT64_MAX), "", AFIO_EOF);
	expect_text(&rig, read_at(file, 0, INT64_MAX - 5000), "", AFIO_EOF);
	expect_text(&rig, read_at(file, 9, LARGE), "", AFIO_EOF);
	block = malloc(4097);
	memset(block, 'x', 4097);
	expect_count(
		&rig,
		af_file_write_at(file, block + 1, 4096, 8192, AFIO_FULL, NULL),
		4096, 0);
	expect_bytes(&rig, read_full(file, 4096, 8192), block, 4096, 0);
	free(block);
	close_all(file);
}
END_TEST
#endif

/* Devices that never wait have offsets, too. */
START_TEST(read_at_of_a_device_is_like_pread)
{
	struct af_file *file;

	open_way(_i);
	file = opened("/dev/zero", "r+");
	expect_bytes(&rig, read_full(file, 9, 5), "\0\0\0\0\0\0\0\0\0", 9, 0);
	expect_count(&rig, write_at(file, "abc", 5), 3, 0);
	close_all(file);
}
END_TEST

static struct af_file *staged;
static struct stage stage;

static void read_there(void *arg)
{
	struct af_future *f;

	(void)arg;
	slow_stop(0);
	f = read_at(staged, 3, 4);
	slow_expect(1);
	slow_go();
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "two");
	af_future_unref(f);
	f = write_at(staged, "T", 4);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

/* Index: a context. */
START_TEST(read_at_is_awaited_everywhere)
{
	static const struct slow cold = { .now = NOW_BYPASSED };

	stage_open(&stage, (enum context)_i);
	make_file("file", "one two three", 0600);
	staged = af_file_open(stage.loop, "file", "r+");
	ck_assert_ptr_nonnull(staged);
	slow_set(&cold);
	stage_play(&stage, read_there, NULL);
	expect_file("file", "one Two three");
	ck_assert_int_eq(af_file_close(staged), 0);
	stage_close(&stage);
}
END_TEST

static struct af_future *write_for_nobody(struct af_future *done, void *arg)
{
	(void)done;
	return write_at(arg, "x", 0);
}

START_TEST(write_at_of_a_cancelled_chain_writes_nothing)
{
	struct af_future *root, *chain;
	struct af_file *file;

	rig_open(&rig, _i);
	file = containing("abc", "r+");
	root = af_succeeded(rig.loop, NULL, NULL);
	chain = af_then(root, write_for_nobody, file);
	af_future_cancel(chain);
	expect_error(&rig, chain, -ECANCELED);
	expect_file("file", "abc");
	close_all(file);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/read_at");
	TCase *tc = scratch_case(s, "tables");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(read_at_ends_as_the_table_says, ALL_WAYS);
	ADD(read_at_leaves_position_and_buffer_alone, ALL_WAYS);
	ADD(write_at_ends_as_the_table_says, ALL_WAYS);
	ADD(read_at_refused_says_why, DRIVE_COUNT);
	ADD(write_at_the_largest_position_is_efbig, ALL_WAYS);
	ADD(read_at_of_all_beyond_the_limit_is_emsgsize, ALL_WAYS);
	ADD(read_at_that_fails_says_so_and_can_be_tried_again, 2 * DRIVE_COUNT);
#ifdef HAVE_RWF
	ADD(read_at_error_after_some_data_comes_after_it, DRIVE_COUNT);
#endif
	ADD(write_at_that_fails_says_what_went_out, DRIVE_COUNT);
	ADD(write_at_past_the_limit_is_efbig_without_a_signal, ALL_WAYS);
	tc = scratch_case(s, "many");
	ADD(read_at_many_at_once_in_any_order_returns_each_its_own, ALL_WAYS);
	ADD(write_at_many_at_once_in_any_order_writes_each_in_its_place,
	    ALL_WAYS);
	ADD(write_at_large_is_written_whole, ALL_WAYS);
	tc = scratch_case(s, "odd");
	ADD(write_at_on_a_full_disk_says_how_much_fitted, DRIVE_COUNT);
	ADD(write_at_of_a_file_opened_to_append_does_what_pwrite_does,
	    ALL_WAYS);
#ifdef O_DIRECT
	ADD(read_at_of_a_direct_file_takes_any_offset, DRIVE_COUNT);
#endif
	ADD(read_at_of_a_device_is_like_pread, ALL_WAYS);
	tc = scratch_case(s, "places");
	ADD(read_at_is_awaited_everywhere, CONTEXT_COUNT);
	ADD(write_at_of_a_cancelled_chain_writes_nothing, DRIVE_COUNT);
	return s;
}
