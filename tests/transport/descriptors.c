/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors that are not one end of a pair: FIFO, pty, devices and
 * on-disk files.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/pattern.h"

#define LARGE ((size_t)4 << 20)

static struct rig rig;

static struct af_file *make_file(int fd, unsigned flags)
{
	struct af_file *file = af_file_new(rig.loop, fd, flags);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(file);
	return file;
}

static struct af_file *open_file(const char *path, int flags)
{
	return make_file(open(path, flags | O_CLOEXEC), 0);
}

static struct af_future *read_some(struct af_file *file, size_t size)
{
	return af_file_read(file, size, 0, NULL);
}

static struct af_future *write_full(struct af_file *file, const void *data,
				    size_t len)
{
	return af_file_write(file, data, len, AFIO_FULL, NULL);
}

START_TEST(null_device_takes_all_and_has_nothing)
{
	struct af_file *file;
	static char zeros[LARGE];

	rig_open(&rig, _i);
	file = open_file("/dev/null", O_RDWR);
	expect_count(&rig, write_full(file, zeros, LARGE), LARGE, 0);
	expect_text(&rig, read_some(file, 0), "", AFIO_EOF);
	expect_text(&rig, read_some(file, 9), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(zero_device_brings_as_much_as_asked)
{
	struct af_file *file;
	static char zeros[LARGE];

	rig_open(&rig, _i);
	file = open_file("/dev/zero", O_RDONLY);
	expect_bytes(&rig, af_file_read(file, LARGE, AFIO_FULL, NULL), zeros,
		     LARGE, 0);
	/* It has no beginning. */
	ck_assert_int_eq(af_file_unread(file, "ab", 2), 0);
	expect_text(&rig, af_file_read(file, 3, AFIO_FULL, NULL), "ab\0", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

#ifdef O_PATH
START_TEST(descriptor_of_a_path_alone_fails_ebadf)
{
	int fd;

	if (!have_linux("O_PATH"))
		return;
	fd = open("/dev/null", O_PATH | O_CLOEXEC);
	rig_open_loop(&rig, _i);
	ck_assert_int_ge(fd, 0);
	errno = 0;
	ck_assert_ptr_null(af_file_new(rig.loop, fd, 0));
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(close(fd), 0);
	rig_close(&rig);
}
END_TEST
#endif

START_TEST(full_device_fails_enospc)
{
	struct af_file *file;

	rig_open(&rig, _i);
	file = open_file("/dev/full", O_WRONLY);
	expect_error(&rig, write_full(file, "abc", 3), -ENOSPC);
	expect_error(&rig, af_file_write(file, "abc", 3, 0, MS(0)), -ENOSPC);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* Of many devices who opens it anew has another one: a tunnel, a log's start. */
START_TEST(device_that_can_be_polled_is_not_opened_anew)
{
	int fd = open("/dev/random", O_RDONLY | O_CLOEXEC), same;
	struct af_file *file;

	rig_open(&rig, _i);
	same = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	file = make_file(fd, 0);
	ck_assert_int_ne(fcntl(same, F_GETFL) & O_NONBLOCK, 0);
	expect_count(&rig, af_file_read(file, 7, AFIO_FULL, NULL), 7, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	/* As much as asked for, and no more. */
	file = make_file(same, AFIO_UNBUFFERED | AFIO_KEEP_FD);
	expect_count(&rig, af_file_read(file, 3, AFIO_FULL, NULL), 3, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(fcntl(same, F_GETFL) & O_NONBLOCK, 0);
	close(same);
	rig_close(&rig);
}
END_TEST

START_TEST(device_and_kept_disk_file_without_descriptors_fail_emfile)
{
	int device = open("/dev/random", O_RDONLY | O_CLOEXEC);
	int disk = open(helper_path(), O_RDONLY | O_CLOEXEC);
	struct rlimit limit;
	int fds[64], n = 0;

	rig_open(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fds[n] = dup(device)) >= 0)
		n++;
	errno = 0;
	if (have_linux("a descriptor to ask about a device")) {
		ck_assert_ptr_null(af_file_new(rig.loop, device, 0));
		ck_assert_int_eq(errno, EMFILE);
	}
	errno = 0;
	ck_assert_ptr_null(af_file_new(rig.loop, disk, AFIO_KEEP_FD));
	ck_assert_int_eq(errno, EMFILE);
	while (n > 0)
		ck_assert_int_eq(close(fds[--n]), 0);
	ck_assert_int_eq(close(device), 0);
	ck_assert_int_eq(close(disk), 0);
	rig_close(&rig);
}
END_TEST

/* It must not be taken for the program's standard input. */
START_TEST(descriptor_of_its_own_is_above_stdio)
{
	struct af_file *file;
	int in;

	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	in = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(0);
	file = make_file(rig.in, AFIO_KEEP_FD);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(dup2(in, 0), 0);
	close(in);
	rig_close(&rig);
}
END_TEST

START_TEST(fifo_carries_lines_to_its_end)
{
	char dir[] = P_tmpdir "/asyncfile-XXXXXX", path[sizeof dir + 5];
	struct af_file *reader, *writer;

	rig_open(&rig, _i);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	reader = open_file(path, O_RDONLY | O_NONBLOCK);
	writer = open_file(path, O_WRONLY);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	expect_count(&rig, write_full(writer, "abc\nd", 5), 5, 0);
	expect_text(&rig, af_file_readline(reader, 0, 0, 0, NULL), "abc\n", 0);
	ck_assert_int_eq(af_file_close(writer), 0);
	expect_text(&rig, af_file_readline(reader, 0, 0, 0, NULL), "d",
		    AFIO_EOF);
	ck_assert_int_eq(af_file_close(reader), 0);
	rig_close(&rig);
}
END_TEST

/*
 * The master of a pty cannot be opened once more, so its flags are put back
 * only in the end; at the terminal proper nobody ever sees them change.
 */
START_TEST(pty_carries_both_ways_and_keeps_its_flags)
{
	struct af_file *files[2];
	int fds[2], flags[2], others[2];

	rig_open(&rig, _i);
	make_pty(fds);
	for (int i = 0; i < 2; i++) {
		others[i] = dup(fds[i]);
		flags[i] = fcntl(others[i], F_GETFL);
		files[i] = make_file(fds[i], 0);
	}
	for (int i = 0; i < 2; i++) {
		struct af_future *f = read_some(files[!i], 9);

		expect_count(&rig, write_full(files[i], "abc", 3), 3, 0);
		expect_text(&rig, f, "abc", 0);
		ck_assert_int_eq(fcntl(others[1], F_GETFL), flags[1]);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		ck_assert_int_eq(fcntl(others[i], F_GETFL), flags[i]);
		close(others[i]);
	}
	rig_close(&rig);
}
END_TEST

/* The kernel reports EIO. */
START_TEST(pty_closed_at_the_other_side_ends)
{
	struct af_file *file;
	int fds[2];

	rig_open(&rig, _i);
	make_pty(fds);
	file = make_file(fds[0], 0);
	put_text(fds[1], "abc");
	ck_assert_int_eq(close(fds[1]), 0);
	expect_text(&rig, read_some(file, 0), "abc", AFIO_EOF);
	expect_text(&rig, read_some(file, 0), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* The kernel says EIO there, too. */
/* Exits with 0 if it went as it should; of another session than the test's. */
static void read_in_the_background(int tty)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *file = af_file_new(loop, tty, 0);
	struct af_future *f;

	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	setpgid(0, 0);
	for (int i = 0; i < 2; i++) {
		f = read_some(file, 9);
		if (af_await(f) != -EIO)
			_exit(1);
		af_future_unref(f);
	}
	if (tcsetpgrp(tty, getpid()) < 0)
		_exit(2);
	f = read_some(file, 9);
	_exit(af_await(f) == 0 && af_future_count(f) == 4 ? 0 : 3);
}

static void be_a_shell(int tty)
{
	int status = -1;
	pid_t pid;

	if (setsid() < 0 || ioctl(tty, TIOCSCTTY, 0) < 0)
		_exit(4);
	signal(SIGHUP, SIG_IGN);
	pid = fork();
	if (pid == 0)
		read_in_the_background(tty);
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 5);
}

/* The kernel says EIO, as at the end, but it is none. */
START_TEST(terminal_read_in_the_background_fails_eio_and_has_not_ended)
{
	int fds[2], status;
	pid_t pid;

	make_pty(fds);
	put_text(fds[0], "abc\n");
	pid = fork();
	if (pid == 0)
		be_a_shell(fds[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%#x",
		      (unsigned)status);
	close(fds[1]);
	close(fds[0]);
}
END_TEST

/* Says 0 if it went as it should, once its group is an orphan. */
static void write_in_the_background(int tty, int told, int result)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *file = af_file_new(loop, tty, 0);
	struct af_future *f;
	char byte = 1;

	if (read(told, &byte, 1) == 1)
		byte = 0;
	for (int i = 0; i < 2; i++) {
		f = write_full(file, "abc", 3);
		if (af_await(f) != -EIO)
			byte = 2;
		af_future_unref(f);
	}
	put(result, &byte, 1);
	_exit(0);
}

/* Its child makes another one, which writes when the first has left it alone. */
static void be_a_shell_that_stops_writers(int tty)
{
	int told[2], result[2];
	struct termios mode;
	char byte = 3;
	pid_t pid;

	if (setsid() < 0 || ioctl(tty, TIOCSCTTY, 0) < 0 || pipe(told) < 0 ||
	    pipe(result) < 0 || tcgetattr(tty, &mode) < 0)
		_exit(4);
	mode.c_lflag |= TOSTOP;
	tcsetattr(tty, TCSANOW, &mode);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		if (fork() == 0)
			write_in_the_background(tty, told[0], result[1]);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	put(told[1], "!", 1);
	get(result[0], &byte, 1);
	_exit(byte);
}

/* Nobody could let it go on; but the terminal is still there. */
START_TEST(terminal_written_in_the_background_fails_eio)
{
	int fds[2], status;
	pid_t pid;

	make_pty(fds);
	pid = fork();
	if (pid == 0)
		be_a_shell_that_stops_writers(fds[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%#x",
		      (unsigned)status);
	close(fds[1]);
	close(fds[0]);
}
END_TEST

START_TEST(pty_written_after_its_master_closed_fails_epipe)
{
	struct af_file *file;
	int fds[2];

	rig_open(&rig, _i);
	make_pty(fds);
	file = make_file(fds[1], 0);
	expect_count(&rig, write_full(file, "abc", 3), 3, 0);
	ck_assert_int_eq(close(fds[0]), 0);
	expect_error(&rig, write_full(file, "abc", 3), -EPIPE);
	expect_error(&rig, af_file_write(file, "abc", 3, 0, MS(0)), -EPIPE);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* A file on disk without a name. */
static int make_disk_file(void)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(unlink(path), 0);
	return fd;
}

START_TEST(disk_file_is_read_from_its_position_to_its_end)
{
	struct af_file *file;
	int fd;

	rig_open(&rig, _i);
	fd = make_disk_file();
	put_text(fd, "xyzone\ntwo\nthree");
	ck_assert_int_eq(lseek(fd, 3, SEEK_SET), 3);
	file = make_file(fd, 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "one\n", 0);
	expect_text(&rig, af_file_read(file, 4, AFIO_FULL, MS(10000)), "two\n",
		    0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "three",
		    AFIO_EOF);
	expect_text(&rig, read_some(file, 9), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(disk_file_large_comes_back_as_written)
{
	unsigned char *data = malloc(LARGE);
	struct af_file *file;
	int fd, other;

	pattern_fill(data, LARGE, 0);
	rig_open(&rig, _i);
	fd = make_disk_file();
	other = dup(fd);
	file = make_file(fd, 0);
	expect_count(&rig, write_full(file, data, LARGE), LARGE, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(lseek(other, 0, SEEK_SET), 0);
	file = make_file(other, AFIO_KEEP_FD);
	expect_data_pattern(&rig, read_some(file, 0), LARGE, 0, AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(close(other), 0);
	rig_close(&rig);
	free(data);
}
END_TEST

START_TEST(disk_file_in_append_mode_grows_at_its_end)
{
	char text[7] = "";
	struct af_file *file;
	int fd;

	rig_open(&rig, _i);
	fd = make_disk_file();
	put_text(fd, "abc");
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	file = make_file(fd, AFIO_KEEP_FD);
	expect_count(&rig, write_full(file, "def", 3), 3, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert(fcntl(fd, F_GETFL) & O_APPEND);
	ck_assert_int_eq(pread(fd, text, 6, 0), 6);
	ck_assert_str_eq(text, "abcdef");
	ck_assert_int_eq(close(fd), 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/descriptors");
	TCase *tc = test_case(s, "kinds");

/* With each way of waiting; the rig's pair is not used. */
#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(null_device_takes_all_and_has_nothing);
	ADD(zero_device_brings_as_much_as_asked);
#ifdef O_PATH
	ADD(descriptor_of_a_path_alone_fails_ebadf);
#endif
	ADD(full_device_fails_enospc);
	ADD(device_that_can_be_polled_is_not_opened_anew);
	tcase_add_test(
		tc, device_and_kept_disk_file_without_descriptors_fail_emfile);
	tcase_add_test(tc, descriptor_of_its_own_is_above_stdio);
	ADD(fifo_carries_lines_to_its_end);
	ADD(pty_carries_both_ways_and_keeps_its_flags);
	ADD(pty_closed_at_the_other_side_ends);
	tcase_add_test(tc, terminal_written_in_the_background_fails_eio);
	tcase_add_test(
		tc,
		terminal_read_in_the_background_fails_eio_and_has_not_ended);
	ADD(pty_written_after_its_master_closed_fails_epipe);
	ADD(disk_file_is_read_from_its_position_to_its_end);
	ADD(disk_file_large_comes_back_as_written);
	ADD(disk_file_in_append_mode_grows_at_its_end);
	return s;
}
