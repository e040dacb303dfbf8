/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the program gave stays what it was: the open file description of the
 * number that it gave, and its blocking mode.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/denied.h"
#include "support/fifo.h"

static struct rig rig;
static char zeros[1 << 20];

static struct af_file *make_file(int fd, unsigned flags)
{
	struct af_file *file = af_file_new(rig.loop, fd, flags);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(file);
	return file;
}

static bool blocks(int fd)
{
	int mode = fcntl(fd, F_GETFL);

	ck_assert_int_ge(mode, 0);
	return !(mode & O_NONBLOCK);
}

/* Index: whether the program keeps the descriptor. */
static unsigned keep(int i)
{
	return i ? AFIO_KEEP_FD : 0;
}

static void end(struct af_file *file, int fd, int i)
{
	ck_assert_int_eq(af_file_close(file), 0);
	if (i)
		ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}

START_TEST(number_of_a_pipe_blocks_while_its_file_is_used)
{
	struct af_file *file;
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_PIPE, fds);
	file = make_file(fds[1], keep(_i));
	expect_count(&rig, af_file_write(file, "abc", 3, AFIO_FULL, NULL), 3,
		     0);
	ck_assert_int_eq(af_file_fd(file), fds[1]);
	ck_assert(blocks(fds[1]));
	end(file, fds[1], _i);
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

/* As serial programs do. */
START_TEST(terminal_keeps_its_lock_and_its_signals_owner)
{
	struct af_file *file;
	int fds[2], other;
	char path[64];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pty(fds);
	ck_assert_int_eq(flock(fds[1], LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(fcntl(fds[1], F_SETOWN, getpid()), 0);
	signal(SIGIO, SIG_IGN);
	ck_assert_int_eq(fcntl(fds[1], F_SETFL, O_RDWR | O_ASYNC), 0);
	ck_assert_int_eq(ttyname_r(fds[1], path, sizeof path), 0);
	file = make_file(fds[1], keep(_i));
	other = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	ck_assert_int_eq(fcntl(fds[1], F_GETOWN), getpid());
	ck_assert(fcntl(fds[1], F_GETFL) & O_ASYNC);
	end(file, fds[1], _i);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

START_TEST(detached_terminal_has_its_lock)
{
	struct af_file *file;
	int fds[2], other;
	char path[64];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pty(fds);
	ck_assert_int_eq(flock(fds[1], LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(ttyname_r(fds[1], path, sizeof path), 0);
	file = make_file(fds[1], 0);
	ck_assert_int_eq(af_file_detach(file, NULL), fds[1]);
	other = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	close(other);
	close(fds[1]);
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

/* Index: KEEP_FD, and 2 for a descriptor that does not block. */
START_TEST(packet_pipe_written_stays_one)
{
	int mode = O_DIRECT | O_CLOEXEC | (_i & 2 ? O_NONBLOCK : 0), fds[2];
	struct af_file *file;
	char text[99];

	if (!have_linux("packet pipes"))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(pipe2(fds, mode), 0);
	file = make_file(fds[1], keep(_i & 1));
	ck_assert(fcntl(fds[1], F_GETFL) & O_DIRECT);
	for (int i = 0; i < 3; i++)
		expect_count(&rig, af_file_write(file, "abc", 3, 0, NULL), 3,
			     0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(read(fds[0], text, sizeof text), 3);
	end(file, fds[1], _i & 1);
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

/* A description opened now would not know that. */
START_TEST(pipe_whose_writers_left_ends_and_blocks_again)
{
	struct af_file *file;
	int fds[2], other;

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_PIPE, fds);
	put_text(fds[1], "abc");
	close(fds[1]);
	other = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
	file = make_file(fds[0], 0);
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "abc", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert(blocks(other));
	close(other);
	rig_close(&rig);
}
END_TEST

/* A child that gets its number expects that. */
START_TEST(fifo_opened_by_path_has_a_number_that_blocks)
{
	struct af_file *reader, *writer;
	char path[64];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_fifo(path, sizeof path);
	reader = af_file_open(rig.loop, path, "r");
	writer = af_file_open(rig.loop, path, "w");
	ck_assert(blocks(af_file_fd(reader)));
	ck_assert(blocks(af_file_fd(writer)));
	expect_error(&rig, af_file_read(reader, 9, 0, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(writer), 0);
	ck_assert_int_eq(af_file_close(reader), 0);
	remove_fifo(path);
	rig_close(&rig);
}
END_TEST

/* Descriptors that cannot be opened anew. */
static int make_stubborn(int kind, int *other)
{
	int fds[2];

	*other = -1;
	switch (kind) {
	case 0:
		make_pty(fds);
		*other = fds[1];
		return fds[0];
	case 1:
		return eventfd(0, EFD_CLOEXEC);
	case 2:
		return inotify_init1(IN_CLOEXEC);
	default:
		return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	}
}

/* Index: the kind, and which of the two is closed first. */
START_TEST(description_of_two_files_is_restored_by_the_last)
{
	int other, fd = make_stubborn(_i / 2, &other);
	int third = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct af_file *files[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	files[0] = make_file(fd, 0);
	files[1] = make_file(fcntl(fd, F_DUPFD_CLOEXEC, 3), 0);
	ck_assert(!blocks(third));
	ck_assert_int_eq(af_file_close(files[_i % 2]), 0);
	ck_assert(!blocks(third));
	expect_error(&rig, af_file_read(files[!(_i % 2)], 8, 0, MS(5)),
		     -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(files[!(_i % 2)]), 0);
	ck_assert(blocks(third));
	close(third);
	if (other >= 0)
		close(other);
	rig_close(&rig);
}
END_TEST

/* Of the same kind, but not the same: eventfds share one inode. */
START_TEST(descriptions_of_two_eventfds_are_restored_apart)
{
	struct af_file *files[2];
	int fds[2];

	if (!have_linux("kcmp"))
		return;
	fds[0] = eventfd(0, EFD_CLOEXEC);
	fds[1] = eventfd(0, EFD_CLOEXEC);
	rig_open_loop(&rig, DRIVE_AWAIT);
	for (int i = 0; i < 2; i++)
		files[i] = make_file(fds[i], AFIO_KEEP_FD);
	ck_assert_int_eq(af_file_close(files[0]), 0);
	ck_assert(blocks(fds[0]));
	ck_assert(!blocks(fds[1]));
	ck_assert_int_eq(af_file_close(files[1]), 0);
	ck_assert(blocks(fds[1]));
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(description_that_the_program_made_nonblocking_stays_so)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct af_file *files[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	for (int i = 0; i < 2; i++)
		files[i] = make_file(fd, AFIO_KEEP_FD);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
	ck_assert(!blocks(fd));
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(description_closed_in_a_forked_child_stays_for_the_parent)
{
	int fd = eventfd(0, EFD_CLOEXEC), status;
	struct af_file *file;
	pid_t pid;

	rig_open_loop(&rig, DRIVE_AWAIT);
	file = make_file(fd, 0);
	pid = fork();
	if (pid == 0) {
		af_file_close(file);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(!blocks(fd));
	expect_error(&rig, af_file_read(file, 8, 0, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(descriptor_closed_by_the_program_and_made_anew_is_left_alone)
{
	int fd = eventfd(0, EFD_CLOEXEC), other;
	struct af_file *file;

	rig_open_loop(&rig, DRIVE_AWAIT);
	file = make_file(fd, AFIO_KEEP_FD);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(af_file_close(file), 0);
	fd = eventfd(0, EFD_CLOEXEC);
	file = make_file(fd, AFIO_KEEP_FD);
	other = open("/dev/null", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(dup2(other, fd), fd);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert(!blocks(fd));
	close(other);
	close(fd);
	rig_close(&rig);
}
END_TEST

static int open_master(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* By another process, or a child. Index: what it is; and whether ours is set. */
START_TEST(flag_that_another_clears_is_set_again)
{
	int fd, mode;
	struct af_file *file;

	rig_open_loop(&rig, DRIVE_AWAIT);
	fd = _i / 2 == 0   ? eventfd(0, EFD_CLOEXEC)
	     : _i / 2 == 1 ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)
			   : open_master();
	if (_i % 2)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	file = make_file(fd, AFIO_KEEP_FD);
	for (int i = 0; i < 2; i++) {
		mode = fcntl(fd, F_GETFL);
		ck_assert(mode & O_NONBLOCK);
		fcntl(fd, F_SETFL, mode & ~O_NONBLOCK);
		expect_error(&rig, af_file_read(file, 8, 0, MS(5)), -ETIMEDOUT);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert(blocks(fd) == !(_i % 2));
	close(fd);
	rig_close(&rig);
}
END_TEST

/* A sandbox that refuses a system call; see seccomp(2). */
static void refuse(long number)
{
	const struct denied call = { "a call", number, 0, 0, 0 };

	ck_assert(deny(&call, 1, EPERM));
}

/* Of devices only some can be polled. Index: whether the program keeps it. */
START_TEST(device_that_epoll_refuses_keeps_its_mode)
{
	struct denied add = { "epoll_ctl", SYS_epoll_ctl, 3, ~0u, 0 };
	struct af_file *file;
	int fd, same;

	if (!have_linux("what epoll says of a device"))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	fd = open("/dev/random", O_RDONLY | O_CLOEXEC);
	same = dup(fd);
	add.value = (uint32_t)fd;
	if (deny(&add, 1, EPERM)) {
		file = make_file(fd, keep(_i));
		ck_assert(blocks(same));
		expect_count(&rig, af_file_read(file, 7, AFIO_FULL, NULL), 7,
			     0);
		ck_assert(blocks(same));
		end(file, fd, _i);
	}
	close(same);
	rig_close(&rig);
}
END_TEST

/* Of one kind and without names: the first two share a description. */
START_TEST(descriptions_without_kcmp_are_told_apart)
{
	int plain = eventfd(0, EFD_CLOEXEC), copy = dup(plain);
	int theirs = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int fds[3] = { plain, copy, theirs };
	struct af_file *files[3];

	rig_open_loop(&rig, DRIVE_AWAIT);
	refuse(SYS_kcmp);
	for (int i = 0; i < 3; i++)
		files[(i + _i) % 3] =
			make_file(fds[(i + _i) % 3], AFIO_KEEP_FD);
	ck_assert_int_eq(af_file_close(files[0]), 0);
	ck_assert(!blocks(copy));
	expect_error(&rig, af_file_read(files[1], 8, 0, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(files[1]), 0);
	ck_assert(blocks(plain));
	expect_error(&rig, af_file_read(files[2], 8, 0, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(files[2]), 0);
	ck_assert(!blocks(theirs));
	for (int i = 0; i < 3; i++) {
		ck_assert(!(fcntl(fds[i], F_GETFL) & O_APPEND));
		close(fds[i]);
	}
	rig_close(&rig);
}
END_TEST

/* Of two kinds of flags: nothing has to be tried. */
START_TEST(descriptions_with_other_flags_are_told_apart)
{
	struct af_file *files[2];
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	refuse(SYS_kcmp);
	for (int i = 0; i < 2; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC);
		ck_assert_int_eq(fcntl(fds[i], F_SETFL, i ? O_APPEND : 0), 0);
		files[i] = make_file(fds[i], AFIO_KEEP_FD);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		ck_assert_int_eq(fcntl(fds[i], F_GETFL) & O_APPEND,
				 i ? O_APPEND : 0);
		ck_assert(blocks(fds[i]));
		ck_assert(i == 1 || !blocks(fds[1]));
		close(fds[i]);
	}
	rig_close(&rig);
}
END_TEST

/* Index: without preadv2, too. */
START_TEST(pipe_that_may_not_be_opened_is_used_without_waiting)
{
	uid_t user = geteuid();
	struct af_file *files[2];
	int fds[2];

	if (!have_linux("RWF_NOWAIT"))
		return;
	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_PIPE, fds);
	if (_i) {
		refuse(SYS_preadv2);
		refuse(SYS_pwritev2);
	}
	ck_assert_int_eq(fchmod(fds[0], 0), 0);
	if (user == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	for (int i = 0; i < 2; i++)
		files[i] = make_file(fds[i], AFIO_KEEP_FD);
	expect_error(&rig, af_file_read(files[0], 1, 0, MS(5)), -ETIMEDOUT);
	expect_part(
		&rig,
		af_file_write(files[1], zeros, sizeof zeros, AFIO_FULL, MS(5)),
		sizeof zeros, 0, AFIO_TIMEDOUT);
	expect_error(&rig, af_file_write(files[1], zeros, 1, 0, MS(5)),
		     -ETIMEDOUT);
	expect_bytes(&rig, af_file_read(files[0], 9, AFIO_FULL, NULL), zeros, 9,
		     0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		ck_assert(blocks(fds[i]));
		close(fds[i]);
	}
	ck_assert_int_eq(seteuid(user), 0);
	rig_close(&rig);
}
END_TEST

/* Quietly changing a mode that others share would be worse. */
START_TEST(terminal_and_pipe_without_descriptors_fail_emfile)
{
	struct rlimit limit;
	int fds[64], ends[2], n = 0;

	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	if (_i)
		make_pair(KIND_PIPE, ends);
	else
		make_pty(ends);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fds[n] = dup(ends[0])) >= 0)
		n++;
	errno = 0;
	ck_assert_ptr_null(af_file_new(rig.loop, ends[1], 0));
	ck_assert_int_eq(errno, EMFILE);
	ck_assert(blocks(ends[1]));
	while (n > 0)
		close(fds[--n]);
	close(ends[0]);
	close(ends[1]);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/description");
	TCase *tc = test_case(s, "kept");

	tcase_add_loop_test(tc, number_of_a_pipe_blocks_while_its_file_is_used,
			    0, 2);
	tcase_add_loop_test(tc, terminal_keeps_its_lock_and_its_signals_owner,
			    0, 2);
	tcase_add_test(tc, detached_terminal_has_its_lock);
	tcase_add_loop_test(tc, packet_pipe_written_stays_one, 0, 4);
	tcase_add_loop_test(tc, flag_that_another_clears_is_set_again, 0, 6);
	tcase_add_loop_test(tc, device_that_epoll_refuses_keeps_its_mode, 0, 2);
	tcase_add_test(tc, pipe_whose_writers_left_ends_and_blocks_again);
	tcase_add_test(tc, fifo_opened_by_path_has_a_number_that_blocks);

	tc = test_case(s, "shared");
	tcase_add_loop_test(
		tc, description_of_two_files_is_restored_by_the_last, 0, 8);
	tcase_add_test(tc, descriptions_of_two_eventfds_are_restored_apart);
	tcase_add_test(tc,
		       description_that_the_program_made_nonblocking_stays_so);
	tcase_add_test(
		tc, description_closed_in_a_forked_child_stays_for_the_parent);
	tcase_add_loop_test(tc, descriptions_without_kcmp_are_told_apart, 0, 3);
	tcase_add_loop_test(
		tc, pipe_that_may_not_be_opened_is_used_without_waiting, 0, 2);
	tcase_add_loop_test(
		tc, terminal_and_pipe_without_descriptors_fail_emfile, 0, 2);
	tcase_add_test(
		tc,
		descriptor_closed_by_the_program_and_made_anew_is_left_alone);
	tcase_add_test(tc, descriptions_with_other_flags_are_told_apart);
	return s;
}
