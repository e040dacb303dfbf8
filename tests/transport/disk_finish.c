/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_file_finish() of files on a disk that is slow or full: a write that ended
 * early, and was counted, still has an outcome.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "support/slowrig.h"

/* A write that a worker has begun, and that was cancelled since. */
static struct af_file *counted(const char *text, int error)
{
	struct slow slow = ways[1].slow;
	struct af_file *file;
	struct af_future *f;

	file = containing("", "w+");
	slow.write.error = error;
	slow_set(&slow);
	slow_stop(0);
	f = writing(file, text);
	slow_expect(1);
	af_future_cancel(f);
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), strlen(text));
	af_future_unref(f);
	return file;
}

START_TEST(finish_waits_for_a_worker_that_writes)
{
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = counted("abc", 0);
	expect_error(&rig, af_file_finish(file, MS(0)), -ETIMEDOUT);
	expect_error(&rig, af_file_finish(file, MS(5)), -ETIMEDOUT);
	f = af_file_finish(file, MS(20000));
	expect_life();
	ck_assert(!af_future_is_done(f));
	slow_go();
	expect_error(&rig, f, 0);
	expect_file("file", "abc");
	close_all(file);
}
END_TEST

START_TEST(finish_reports_a_write_that_fails_late)
{
	struct af_file *file;
	struct af_future *f, *second;

	open_cold(_i);
	file = counted("abc", ENOSPC);
	f = af_file_finish(file, NULL);
	second = af_file_finish(file, NULL);
	slow_go();
	expect_error(&rig, f, -ENOSPC);
	/* Once. */
	expect_error(&rig, second, 0);
	ck_assert_int_eq(af_file_fd(file), -EBADF);
	close_all(file);
}
END_TEST

/* It has failed before it is asked. */
START_TEST(finish_reports_a_write_that_has_failed_since)
{
	struct af_file *file;

	open_cold(_i);
	file = counted("abc", EFBIG);
	slow_go();
	while (af_file_seek(file, 0, SEEK_CUR) == -EBUSY)
		expect_life();
	expect_error(&rig, af_file_finish(file, MS(0)), -EFBIG);
	ck_assert_int_eq(af_file_fd(file), -EBADF);
	close_all(file);
}
END_TEST

/* Index: by a cancel, or by its deadline. */
START_TEST(finish_that_ends_early_leaves_the_error_to_the_next)
{
	struct af_file *file;
	struct af_future *f;

	open_cold(_i / 2);
	file = counted("abc", ENOSPC);
	f = af_file_finish(file, _i % 2 ? MS(5) : NULL);
	if (_i % 2 == 0)
		af_future_cancel(f);
	expect_error(&rig, f, _i % 2 ? -ETIMEDOUT : -ECANCELED);
	slow_go();
	expect_error(&rig, writing(file, "d"), -ENOSPC);
	slow_set(&ways[1].slow);
	expect_count(&rig, writing(file, "e"), 1, 0);
	expect_error(&rig, af_file_finish(file, NULL), 0);
	expect_file("file", "e");
	close_all(file);
}
END_TEST

/* Cancelled in the turn in which it would have closed the file. */
START_TEST(finish_cancelled_at_last_leaves_the_error_to_the_next)
{
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = counted("abc", ENOSPC);
	slow_go();
	while (af_file_seek(file, 0, SEEK_CUR) == -EBUSY)
		expect_life();
	f = af_file_finish(file, NULL);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	expect_error(&rig, af_file_finish(file, NULL), -ENOSPC);
	close_all(file);
}
END_TEST

START_TEST(finish_reports_a_sync_that_fails_late)
{
	struct slow slow = ways[1].slow;
	struct af_file *file;
	struct af_future *f;

	open_cold(_i);
	file = containing("", "w");
	slow.sync.error = EIO;
	slow_set(&slow);
	slow_stop(0);
	f = af_file_sync(file, NULL);
	slow_expect(1);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	f = af_file_finish(file, NULL);
	slow_go();
	expect_error(&rig, f, -EIO);
	close_all(file);
}
END_TEST

/* A read waits for its turn, or has it: it does not hold up the close. */
START_TEST(finish_does_not_wait_for_reads)
{
	struct af_file *file;
	struct af_future *f, *read;

	open_cold(_i);
	file = counted("abc", 0);
	read = reading(file, 0);
	f = af_file_finish(file, NULL);
	expect_life();
	ck_assert(!af_future_is_done(f));
	slow_go();
	expect_error(&rig, f, 0);
	expect_error(&rig, read, -ECANCELED);
	close_all(file);
}
END_TEST

START_TEST(finish_with_a_read_stuck_closes_when_the_worker_is_done)
{
	struct af_file *file;
	struct af_future *read;
	int fd;

	open_cold(_i);
	file = containing("abc", "r+");
	fd = af_file_fd(file);
	slow_stop(0);
	read = reading(file, 3);
	slow_expect(1);
	expect_error(&rig, af_file_finish(file, NULL), 0);
	expect_error(&rig, read, -ECANCELED);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	slow_go();
	while (fcntl(fd, F_GETFD) >= 0)
		expect_life();
	rig_close(&rig);
}
END_TEST

START_TEST(close_with_a_finish_pending_leaves_the_write_to_the_worker)
{
	struct af_file *file;
	struct af_future *f;
	int fd;

	open_cold(_i);
	file = counted("abc", 0);
	fd = af_file_fd(file);
	f = af_file_finish(file, NULL);
	expect_life();
	ck_assert_int_eq(af_file_close(file), 0);
	expect_error(&rig, f, -ECANCELED);
	slow_go();
	while (fcntl(fd, F_GETFD) >= 0)
		expect_life();
	expect_file("file", "abc");
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/disk_finish");
	TCase *tc = scratch_case(s, "diskfinish");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(finish_waits_for_a_worker_that_writes, DRIVE_COUNT);
	ADD(finish_reports_a_write_that_fails_late, DRIVE_COUNT);
	ADD(finish_reports_a_write_that_has_failed_since, DRIVE_COUNT);
	ADD(finish_that_ends_early_leaves_the_error_to_the_next,
	    2 * DRIVE_COUNT);
	ADD(finish_cancelled_at_last_leaves_the_error_to_the_next, DRIVE_COUNT);
	ADD(finish_reports_a_sync_that_fails_late, DRIVE_COUNT);
	ADD(finish_does_not_wait_for_reads, DRIVE_COUNT);
	ADD(finish_with_a_read_stuck_closes_when_the_worker_is_done,
	    DRIVE_COUNT);
	ADD(close_with_a_finish_pending_leaves_the_write_to_the_worker,
	    DRIVE_COUNT);
	return s;
}
