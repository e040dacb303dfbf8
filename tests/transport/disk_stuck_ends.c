/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ends while a worker of it is stuck: a file that is closed or handed back,
 * a loop that is freed, a run. Nobody waits for the worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/slowrig.h"

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

/* The number that the next duplicate will have. */
static int next_number(int fd)
{
	int next = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	ck_assert_int_eq(close(next), 0);
	return next;
}

START_TEST(disk_close_stuck_leaves_a_kept_descriptor)
{
	struct af_file *file;
	struct af_future *f;
	int fd, other, ours;

	open_cold(_i);
	make_file("file", "abcdef", 0600);
	fd = open("file", O_RDONLY | O_CLOEXEC);
	other = dup(fd);
	ours = next_number(fd);
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
	expect_closed(ours);
	/* Read for nobody: as if it had not been. */
	ck_assert_int_eq(lseek(other, 0, SEEK_CUR), 0);
	ck_assert_int_eq(close(other), 0);
	ck_assert_int_eq(close(fd), 0);
	rig_close(&rig);
}
END_TEST

/* What it had gathered before is put back as well. */
START_TEST(disk_close_stuck_in_the_middle_puts_all_back)
{
	size_t len = 5 * PIECE;
	struct af_file *file;
	struct af_future *f;
	int fd, ours;

	open_cold(_i);
	make_file("file", "", 0600);
	ck_assert_int_eq(truncate("file", (off_t)len), 0);
	fd = open("file", O_RDONLY | O_CLOEXEC);
	ours = next_number(fd);
	file = af_file_new(rig.loop, fd, AFIO_KEEP_FD);
	expect_count(&rig, reading(file, 7), 7, 0);
	slow_stop(1);
	f = af_file_read(file, len - 7, AFIO_FULL, NULL);
	while (slow_calls() < 3)
		expect_life();
	ck_assert_int_eq(af_file_close(file), 0);
	expect_error(&rig, f, -ECANCELED);
	slow_go();
	expect_closed(ours);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 7);
	ck_assert_int_eq(close(fd), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(disk_close_with_a_sync_stuck_puts_back_what_was_read_ahead)
{
	struct af_file *file;
	struct af_future *f;
	int fd, ours;

	open_cold(_i);
	make_file("file", "abcdef", 0600);
	fd = open("file", O_RDONLY | O_CLOEXEC);
	ours = next_number(fd);
	file = af_file_new(rig.loop, fd, AFIO_KEEP_FD);
	expect_text(&rig, reading(file, 2), "ab", 0);
	slow_stop(0);
	f = af_file_sync(file, NULL);
	slow_expect(1);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_error(&rig, f, -ECANCELED);
	slow_go();
	expect_closed(ours);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 2);
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

START_TEST(disk_of_a_process_stuck_is_not_released)
{
	struct af_process *process;
	struct af_future *f;
	pid_t pid = fork();
	int fds[3];

	if (pid == 0)
		_exit(0);
	open_cold(_i);
	make_file("said", "abcdef", 0600);
	process = af_process_adopt(rig.loop, pid, -1,
				   open("said", O_RDONLY | O_CLOEXEC), -1);
	ck_assert_ptr_nonnull(process);
	slow_stop(0);
	f = reading(af_process_stdout(process), 3);
	slow_expect(1);
	ck_assert_int_eq(af_process_release(process, &pid, fds, NULL), -EBUSY);
	slow_go();
	expect_text(&rig, f, "abc", 0);
	ck_assert_int_eq(af_process_release(process, &pid, fds, NULL), 0);
	get(fds[1], (char[3]){ 0 }, 3);
	close(fds[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
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

Suite *suite(void)
{
	Suite *s = suite_create("transport/disk_stuck_ends");
	TCase *tc = scratch_case(s, "stuckends");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(disk_close_stuck_returns_and_the_descriptor_follows,
	    2 * DRIVE_COUNT);
	ADD(disk_close_stuck_leaves_a_kept_descriptor, DRIVE_COUNT);
	ADD(disk_close_stuck_in_the_middle_puts_all_back, DRIVE_COUNT);
	ADD(disk_close_with_a_sync_stuck_puts_back_what_was_read_ahead,
	    DRIVE_COUNT);
	ADD(disk_detach_or_seek_stuck_is_busy, DRIVE_COUNT);
	ADD(disk_of_a_process_stuck_is_not_released, DRIVE_COUNT);
	ADD(disk_unread_stuck_is_busy, DRIVE_COUNT);
	ADD(disk_loop_freed_stuck_returns_and_the_file_can_be_closed, 2);
	tcase_add_test(tc, disk_loop_freed_with_a_job_queued_drops_it);
	ADD(run_with_only_a_stuck_job_left_returns, DRIVE_COUNT);
	return s;
}
