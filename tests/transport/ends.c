/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ends that are none: a terminal's empty moment, a poll that a signal ends; and
 * ends after which reading can go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/util.h>

#include "support/fifo.h"

static struct rig rig;

static struct af_file *make_file(int fd, unsigned flags)
{
	struct af_file *file = af_file_new(rig.loop, fd, flags);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(file);
	return file;
}

static void set_least(int tty, int min, int time)
{
	struct termios mode;

	ck_assert_int_eq(tcgetattr(tty, &mode), 0);
	mode.c_cc[VMIN] = (cc_t)min;
	mode.c_cc[VTIME] = (cc_t)time;
	ck_assert_int_eq(tcsetattr(tty, TCSANOW, &mode), 0);
}

/* Index: VTIME 0 or 5, and AFIO_UNBUFFERED. */
START_TEST(terminal_without_a_least_count_waits_for_input)
{
	struct timespec cpu[2];
	struct af_file *file;
	struct af_future *f;
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pty(fds);
	set_least(fds[1], 0, _i % 2 ? 5 : 0);
	file = make_file(fds[1], _i / 2 ? AFIO_UNBUFFERED : 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu[0]);
	expect_error(&rig, af_file_read(file, 9, 0, MS(300)), -ETIMEDOUT);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu[1]);
	ck_assert_int_lt((cpu[1].tv_sec - cpu[0].tv_sec) * 1000 +
				 (cpu[1].tv_nsec - cpu[0].tv_nsec) / 1000000,
			 200);
	f = af_file_readline(file, 0, 0, 0, NULL);
	turn(&rig);
	put_text(fds[0], "ab");
	turn(&rig);
	put_text(fds[0], "c\n");
	expect_text(&rig, f, "abc\n", 0);
	close(fds[0]);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_clear_eof(file), -ENOTSUP);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(terminal_goes_on_after_its_end_was_cleared)
{
	struct af_file *file;
	struct termios mode;
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pty(fds);
	ck_assert_int_eq(tcgetattr(fds[1], &mode), 0);
	mode.c_lflag |= ICANON;
	mode.c_cc[VEOF] = 4;
	ck_assert_int_eq(tcsetattr(fds[1], TCSANOW, &mode), 0);
	file = make_file(fds[1], 0);
	put_text(fds[0], "a\n\004b\n");
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "a\n", 0);
	ck_assert_int_eq(af_file_clear_eof(file), 0);
	for (int i = 0; i < 2; i++)
		expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "",
			    AFIO_EOF);
	ck_assert_int_eq(af_file_clear_eof(file), 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "b\n", 0);
	expect_error(&rig, af_file_read(file, 1, 0, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

static void write_fifo(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	put_text(fd, text);
	close(fd);
}

/* Index: opened by its path; blocking, owned or kept; non-blocking, likewise. */
static struct af_file *make_fifo_reader(const char *path, int i)
{
	int fd;

	if (i == 0)
		return af_file_open(rig.loop, path, "r");
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (i < 3)
		fcntl(fd, F_SETFL, 0);
	return make_file(fd, i % 2 ? 0 : AFIO_KEEP_FD);
}

START_TEST(fifo_gets_another_writer_after_its_end_was_cleared)
{
	struct af_file *file;
	struct af_future *f;
	char path[64];
	int fd;

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_fifo(path, sizeof path);
	file = make_fifo_reader(path, _i);
	fd = af_file_fd(file);
	for (int round = 0; round < 3; round++) {
		f = af_file_readline(file, 0, 0, 0, NULL);
		turn(&rig);
		write_fifo(path, "abc\nd");
		expect_text(&rig, f, "abc\n", 0);
		expect_text(&rig, af_file_read(file, 0, 0, NULL), "d",
			    AFIO_EOF);
		expect_text(&rig, af_file_read(file, 0, 0, NULL), "", AFIO_EOF);
		ck_assert_int_eq(af_file_clear_eof(file), 0);
		expect_error(&rig, af_file_read(file, 1, 0, MS(5)), -ETIMEDOUT);
	}
	ck_assert_int_eq(af_file_fd(file), fd);
	ck_assert_int_eq(af_file_close(file), 0);
	if (_i > 0 && _i % 2 == 0)
		ck_assert_int_eq(close(fd), 0);
	remove_fifo(path);
	rig_close(&rig);
}
END_TEST

/*
 * Index: as above; and the new writer is still there when the end is cleared,
 * or has left already.
 */
START_TEST(clear_eof_of_a_fifo_with_a_new_writer_returns_its_bytes)
{
	struct af_file *file;
	char path[64];
	int kept, fd;

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_fifo(path, sizeof path);
	file = make_fifo_reader(path, _i % 5);
	kept = af_file_fd(file);
	write_fifo(path, "a");
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "a", AFIO_EOF);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	put_text(fd, "abc\nd");
	if (_i / 5)
		close(fd);
	ck_assert_int_eq(af_file_clear_eof(file), 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "abc\n", 0);
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "d", 0);
	expect_error(&rig, af_file_read(file, 1, 0, MS(5)), -ETIMEDOUT);
	if (_i / 5 == 0) {
		close(fd);
		expect_text(&rig, af_file_read(file, 1, 0, NULL), "", AFIO_EOF);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	if (_i % 5 > 0 && _i % 5 % 2 == 0)
		ck_assert_int_eq(close(kept), 0);
	remove_fifo(path);
	rig_close(&rig);
}
END_TEST

/* No descriptor is left for another description of the FIFO. */
START_TEST(clear_eof_of_a_fifo_without_a_descriptor_changes_nothing)
{
	struct rlimit before, none;
	struct af_file *file;
	struct af_future *f;
	char path[64];
	int fd, next;

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_fifo(path, sizeof path);
	file = make_fifo_reader(path, _i);
	fd = af_file_fd(file);
	write_fifo(path, "a");
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "a", AFIO_EOF);
	next = dup(0);
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ (rlim_t)next, before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_clear_eof(file), -EMFILE);
		ck_assert_int_eq(af_file_fd(file), fd);
		expect_text(&rig, af_file_read(file, 1, 0, NULL), "", AFIO_EOF);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(af_file_clear_eof(file), 0);
	f = af_file_readline(file, 0, 0, 0, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	write_fifo(path, "b\n");
	expect_text(&rig, f, "b\n", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	if (_i > 0 && _i % 2 == 0)
		ck_assert_int_eq(close(fd), 0);
	remove_fifo(path);
	rig_close(&rig);
}
END_TEST

/* Root opens what it likes. */
static void be_another_user(bool on)
{
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(on ? 65534 : 0), 0);
}

START_TEST(clear_eof_of_a_fifo_that_may_not_be_opened_fails_eacces)
{
	struct af_file *file;
	char path[64];
	int fd;

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_fifo(path, sizeof path);
	file = make_fifo_reader(path, _i);
	fd = af_file_fd(file);
	write_fifo(path, "a");
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "a", AFIO_EOF);
	ck_assert_int_eq(chmod(path, 0), 0);
	be_another_user(true);
	ck_assert_int_eq(af_file_clear_eof(file), -EACCES);
	be_another_user(false);
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	if (_i > 0 && _i % 2 == 0)
		ck_assert_int_eq(close(fd), 0);
	remove_fifo(path);
	rig_close(&rig);
}
END_TEST

START_TEST(clear_eof_on_disk_changes_nothing)
{
	FILE *disk = tmpfile();
	struct af_file *file;

	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_ptr_nonnull(disk);
	put_text(fileno(disk), "abcdef");
	ck_assert_int_eq(lseek(fileno(disk), 0, SEEK_SET), 0);
	file = make_file(fileno(disk), AFIO_KEEP_FD);
	/* With bytes in its buffer. */
	expect_text(&rig, af_file_read(file, 2, 0, NULL), "ab", 0);
	ck_assert_int_eq(af_file_clear_eof(file), 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 2);
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "cdef", AFIO_EOF);
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_clear_eof(file), 0);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 6);
	expect_text(&rig, af_file_read(file, 1, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(pwrite(fileno(disk), "g", 1, 6), 1);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "g", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	fclose(disk);
	rig_close(&rig);
}
END_TEST

START_TEST(end_of_a_bufferevent_is_final)
{
	struct bufferevent *bev;
	struct af_file *file;
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_SOCKETPAIR, fds);
	for (int i = 0; i < 2; i++)
		evutil_make_socket_nonblocking(fds[i]);
	bev = bufferevent_socket_new(af_loop_base(rig.loop), fds[0],
				     BEV_OPT_CLOSE_ON_FREE);
	file = af_file_from_bufferevent(rig.loop, bev, 0);
	ck_assert_ptr_nonnull(file);
	put_text(fds[1], "a");
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "a", 0);
	ck_assert_int_eq(af_file_clear_eof(file), 0);
	close(fds[1]);
	for (int i = 0; i < 2; i++) {
		expect_text(&rig, af_file_read(file, 9, 0, NULL), "", AFIO_EOF);
		ck_assert_int_eq(af_file_clear_eof(file), -ENOTSUP);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

/* Index: a kind of pair. */
START_TEST(end_of_a_pair_is_final)
{
	rig_open(&rig, WAY(_i, DRIVE_AWAIT));
	rig_reader(&rig);
	ck_assert_int_eq(af_file_clear_eof(rig.reader), 0);
	rig_hang_up(&rig);
	expect_text(&rig, af_file_read(rig.reader, 1, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_clear_eof(rig.reader), -ENOTSUP);
	expect_text(&rig, af_file_read(rig.reader, 1, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_clear_eof(NULL), -EINVAL);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_file_clear_eof(rig.reader), -ECANCELED);
	rig_close(&rig);
}
END_TEST

static atomic_bool is_over;

static void on_signal(int number)
{
	(void)number;
}

static void *send_signals(void *thread)
{
	while (!is_over)
		pthread_kill(*(pthread_t *)thread, SIGUSR1);
	return NULL;
}

/* It interrupts the poll that asks whether a writer has been there. */
START_TEST(fifo_read_under_signals_before_its_writer_has_not_ended)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), sender;
	struct af_file *file;
	char path[64];
	int64_t stop;

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_fifo(path, sizeof path);
	file = af_file_open(rig.loop, path, "r");
	sigaction(SIGUSR1, &action, NULL);
	ck_assert_int_eq(pthread_create(&sender, NULL, send_signals, &self), 0);
	stop = now_us() + 3000000;
	while (now_us() < stop)
		expect_error(&rig, af_file_read(file, 1, 0, MS(0)), -ETIMEDOUT);
	is_over = true;
	ck_assert_int_eq(pthread_join(sender, NULL), 0);
	ck_assert_int_eq(af_file_close(file), 0);
	remove_fifo(path);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/ends");
	TCase *tc = test_case(s, "ends");

	tcase_add_loop_test(tc, terminal_without_a_least_count_waits_for_input,
			    0, 4);
	tcase_add_test(tc, terminal_goes_on_after_its_end_was_cleared);
	tcase_add_loop_test(
		tc, fifo_gets_another_writer_after_its_end_was_cleared, 0, 5);
	tcase_add_loop_test(
		tc, clear_eof_of_a_fifo_with_a_new_writer_returns_its_bytes, 0,
		2 * 5);
	tcase_add_loop_test(
		tc, clear_eof_of_a_fifo_without_a_descriptor_changes_nothing, 0,
		5);
	tcase_add_loop_test(
		tc, clear_eof_of_a_fifo_that_may_not_be_opened_fails_eacces, 0,
		5);
	tcase_add_test(tc, clear_eof_on_disk_changes_nothing);
	tcase_add_test(tc, end_of_a_bufferevent_is_final);
	tcase_add_loop_test(tc, end_of_a_pair_is_final, 0, KIND_COUNT);
	tcase_add_test(tc,
		       fifo_read_under_signals_before_its_writer_has_not_ended);
	return s;
}
