/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sources of records, of which the kernel drops or refuses what does not fit:
 * no byte is lost, however little was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/offers.h"
#include "support/pattern.h"

static struct rig rig;

static struct af_file *make_file(int fd, unsigned flags)
{
	struct af_file *file = af_file_new(rig.loop, fd, flags);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(file);
	return file;
}

/* Writes all of the pattern in packets, in a process of its own. */
static pid_t write_packets(int fds[2], size_t total, size_t packet)
{
	char data[4096];
	pid_t pid = fork();

	if (pid != 0) {
		close(fds[1]);
		return pid;
	}
	close(fds[0]);
	for (size_t at = 0; at < total; at += packet) {
		pattern_fill((unsigned char *)data, packet, at);
		if (write(fds[1], data, packet) != (ssize_t)packet)
			_exit(1);
	}
	_exit(0);
}

enum way { PLAIN, AHEAD_1, UNBUFFERED, WAYS };
static const size_t sizes[] = { 1, 999, 4095, 4097 };
static const size_t packets[] = { 1, 2, 100, 3000, 4096 };

#define N_SIZES (sizeof(sizes) / sizeof(*sizes))
#define N_PACKETS (sizeof(packets) / sizeof(*packets))

static struct af_file *make_reader(int fd, int way)
{
	struct af_file *file =
		make_file(fd, way == UNBUFFERED ? AFIO_UNBUFFERED : 0);

	if (way == AHEAD_1)
		ck_assert_int_eq(af_file_set_read_ahead(file, 1), 0);
	return file;
}

static void read_all(struct af_file *file, size_t size, size_t total)
{
	unsigned char *data = malloc(size);
	struct af_future *f;
	size_t n = 0, len = 1;

	while (len > 0) {
		f = af_file_read(file, size, 0, NULL);
		ck_assert_int_eq(drive(&rig, f), 0);
		len = af_future_count(f);
		pattern_fill(data, len, n);
		ck_assert_int_eq(memcmp(data, af_future_data(f, NULL), len), 0);
		n += len;
		af_future_unref(f);
	}
	ck_assert_uint_eq(n, total);
	free(data);
}

/* Index: a way, a size of reads and a size of packets. */
START_TEST(packets_are_read_whole_by_reads_of_any_size)
{
	size_t size = sizes[_i / WAYS % N_SIZES];
	size_t packet = packets[_i / WAYS / N_SIZES];
	size_t total = (size == 1 ? 20 : 200) * packet;
	struct af_file *file;
	int fds[2], status;
	pid_t pid;

	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(pipe2(fds, O_DIRECT | O_CLOEXEC), 0);
	pid = write_packets(fds, total, packet);
	file = make_reader(fds[0], _i % WAYS);
	read_all(file, size, total);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	rig_close(&rig);
}
END_TEST

/* Index: a way, and a size of packets. */
START_TEST(packets_are_read_whole_by_a_full_read)
{
	size_t packet = packets[_i / WAYS], total = 1001 * packet;
	struct af_file *file;
	int fds[2], status;
	pid_t pid;

	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(pipe2(fds, O_DIRECT | O_CLOEXEC), 0);
	pid = write_packets(fds, total, packet);
	file = make_reader(fds[0], _i % WAYS);
	expect_data_pattern(&rig, af_file_read(file, total, AFIO_FULL, NULL),
			    total, 0, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	rig_close(&rig);
}
END_TEST

/* Index: a way. */
START_TEST(packets_are_read_whole_by_lines)
{
	struct af_file *file;
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(pipe2(fds, O_DIRECT | O_CLOEXEC), 0);
	put_text(fds[1], "one\ntwo");
	put_text(fds[1], "\n");
	put_text(fds[1], "three\nfour\nfive");
	close(fds[1]);
	file = make_reader(fds[0], _i);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, MS(0)), "one\n", 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, MS(0)), "two\n", 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "three\n", 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "four\n", 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "five",
		    AFIO_EOF);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* Whoever has the descriptor next finds the rest. Index: a way, but PLAIN. */
START_TEST(bytes_of_another_pipe_stay_in_it)
{
	struct af_file *file;
	char text[9] = "";
	int fds[2], other;

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair(KIND_PIPE, fds);
	put_text(fds[1], "abcdef");
	other = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
	file = make_reader(fds[0], _i);
	expect_text(&rig, af_file_read(file, 1, AFIO_FULL, NULL), "a", 0);
	ck_assert_int_eq(read(other, text, 8), _i == AHEAD_1 ? 4 : 5);
	ck_assert_str_eq(text, _i == AHEAD_1 ? "cdef" : "bcdef");
	ck_assert_int_eq(af_file_close(file), 0);
	close(other);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/* A number that the kernel gives only whole. Index: a kind. */
static int make_counter(int kind)
{
	const struct itimerspec at_once = { .it_value = { .tv_nsec = 1 } };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	switch (kind) {
	case 0:
		return eventfd(7, EFD_CLOEXEC);
	case 1:
		fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		timerfd_settime(fd, 0, &at_once, NULL);
		return fd;
	case 2:
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGUSR1);
		return signalfd(-1, &set, SFD_CLOEXEC);
	default:
		fd = inotify_init1(IN_CLOEXEC);
		inotify_add_watch(fd, ".", IN_OPEN | IN_ONLYDIR);
		close(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		return fd;
	}
}

/* Index: a way, and a kind. */
START_TEST(record_is_read_a_byte_at_a_time)
{
	size_t len = 0, least = _i / WAYS < 2 ? 8 : 16;
	struct af_file *file;
	struct af_future *f;
	int r = 0;

	rig_open_loop(&rig, DRIVE_AWAIT);
	file = make_reader(make_counter(_i / WAYS), _i % WAYS);
	while (r == 0) {
		f = af_file_read(file, 1, 0, MS(len < least ? 10000 : 5));
		r = drive(&rig, f);
		len += af_future_count(f);
		af_future_unref(f);
	}
	ck_assert_int_eq(r, -ETIMEDOUT);
	ck_assert_uint_ge(len, least);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* Its reads fail until it is told what for. */
START_TEST(record_that_cannot_be_read_fails_after_what_came_before)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);
	struct af_file *file;

	if (fd < 0) {
		fprintf(stderr, "skipped: userfaultfd: %s\n", strerror(errno));
		return;
	}
	rig_open_loop(&rig, DRIVE_AWAIT);
	file = make_reader(fd, _i);
	expect_error(&rig, af_file_read(file, 1, 0, NULL), -EINVAL);
	ck_assert_int_eq(af_file_unread(file, "ab", 2), 0);
	expect_error(&rig, af_file_read(file, 3, AFIO_FULL, NULL), -EINVAL);
	expect_text(&rig, af_file_read(file, 3, 0, NULL), "ab", AFIO_ERROR);
	expect_error(&rig, af_file_read(file, 1, 0, NULL), -EINVAL);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* A device of which each read is a record that must have room. */
START_TEST(kernel_log_is_read_a_byte_at_a_time)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);
	struct af_file *file;
	struct af_future *f;
	size_t n = 0;
	char byte = 0;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0) {
		fprintf(stderr, "skipped: no /dev/kmsg\n");
		return;
	}
	rig_open_loop(&rig, DRIVE_AWAIT);
	file = make_reader(fd, _i);
	do {
		f = af_file_read(file, 1, 0, MS(20000));
		ck_assert_int_eq(drive(&rig, f), 0);
		ck_assert_uint_eq(af_future_count(f), 1);
		byte = *(const char *)af_future_data(f, NULL);
		af_future_unref(f);
	} while (n++ < 60 && byte != ';');
	/* After the level, number, time and flags the text begins. */
	ck_assert_int_eq(byte, ';');
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/records");
	TCase *tc = test_case(s, "packets");
	bool known =
		have_linux("packet pipes") && offers("tee", tee(-1, -1, 1, 0));

	if (known) {
		tcase_add_loop_test(tc,
				    packets_are_read_whole_by_reads_of_any_size,
				    0, (int)(WAYS * N_SIZES * N_PACKETS));
		tcase_add_loop_test(tc, packets_are_read_whole_by_a_full_read,
				    0, (int)(WAYS * N_PACKETS));
		tcase_add_loop_test(tc, packets_are_read_whole_by_lines, 0,
				    WAYS);
	}
	tcase_add_loop_test(tc, bytes_of_another_pipe_stay_in_it, AHEAD_1,
			    WAYS);
	tc = test_case(s, "records");
	tcase_add_loop_test(tc, record_is_read_a_byte_at_a_time, 0, WAYS * 4);
	tcase_add_loop_test(
		tc, record_that_cannot_be_read_fails_after_what_came_before, 0,
		WAYS);
	tcase_add_loop_test(tc, kernel_log_is_read_a_byte_at_a_time, 0, WAYS);
	return s;
}
