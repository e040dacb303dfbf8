/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The threads that read and write on-disk files for a loop: how many there are,
 * when they end, and that what they bring comes to whoever waits, anywhere.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "file/file.h"
#include "support/contexts.h"
#include "support/slowrig.h"
#include "transport/device.h"

static void *go_when_stuck(void *arg)
{
	slow_expect(1);
	slow_go();
	return arg;
}

static void await_stuck_read(void *arg)
{
	struct stage *stage = arg;
	struct af_file *file = af_file_open(stage->loop, "file", "r+");
	struct af_future *f;
	pthread_t thread;

	ck_assert_ptr_nonnull(file);
	slow_stop(0);
	f = reading(file, 3);
	ck_assert_int_eq(pthread_create(&thread, NULL, go_when_stuck, NULL), 0);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "abc");
	af_future_unref(f);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	f = writing(file, "DEF");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	ck_assert_int_eq(af_file_close(file), 0);
}

START_TEST(await_of_a_stuck_read_from_anywhere_ends_with_it)
{
	struct slow slow = { .now = NOW_COLD };
	struct stage stage;

	make_file("file", "abcdef", 0600);
	slow_set(&slow);
	stage_open(&stage, _i);
	stage_play(&stage, await_stuck_read, &stage);
	stage_close(&stage);
	expect_file("file", "abcDEF");
}
END_TEST

/* Began outside, where it would come back to the base that waits meanwhile. */
struct moved {
	struct stage stage;
	struct af_future *read;
};

static void await_earlier_read(void *arg)
{
	struct moved *moved = arg;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, go_when_stuck, NULL), 0);
	ck_assert_int_eq(af_await(moved->read), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(await_of_an_earlier_stuck_read_from_anywhere_ends_with_it)
{
	struct slow slow = { .now = NOW_COLD };
	struct moved moved;
	struct af_file *file;

	make_file("file", "abcdef", 0600);
	slow_set(&slow);
	stage_open(&moved.stage, _i);
	file = af_file_open(moved.stage.loop, "file", "r");
	slow_stop(0);
	moved.read = reading(file, 3);
	stage_play(&moved.stage, await_earlier_read, &moved);
	ck_assert_str_eq(af_future_data(moved.read, NULL), "abc");
	af_future_unref(moved.read);
	ck_assert_int_eq(af_file_close(file), 0);
	stage_close(&moved.stage);
}
END_TEST

#define MANY 8

START_TEST(workers_are_as_many_as_allowed_and_end_when_idle)
{
	static const unsigned sizes[] = { 1, 2, 4, 16 };
	unsigned size = sizes[_i], expected = size < MANY ? size : MANY;
	struct af_file *files[MANY];
	struct af_future *reads[MANY];

	open_cold(DRIVE_AWAIT);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, size), 0);
	make_file("file", "abc", 0600);
	ck_assert_int_eq(library_threads(), 0);
	slow_stop(0);
	for (int i = 0; i < MANY; i++) {
		files[i] = opened("file", "r");
		reads[i] = reading(files[i], 3);
	}
	slow_expect(expected);
	expect_life();
	ck_assert_int_eq(library_threads(), (int)expected);
	slow_go();
	for (int i = 0; i < MANY; i++) {
		expect_text(&rig, reads[i], "abc", 0);
		ck_assert_int_eq(af_file_close(files[i]), 0);
	}
	ck_assert_uint_eq(slow_most(), expected);
	while (library_threads() > 0)
		expect_life();
	rig_close(&rig);
}
END_TEST

START_TEST(workers_fewer_than_before_end)
{
	struct af_file *files[4];
	struct af_future *reads[4];

	open_cold(DRIVE_AWAIT);
	make_file("file", "abc", 0600);
	slow_stop(0);
	for (int i = 0; i < 4; i++) {
		files[i] = opened("file", "r");
		reads[i] = reading(files[i], 3);
	}
	slow_expect(4);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, (unsigned)_i), 0);
	slow_go();
	for (int i = 0; i < 4; i++) {
		expect_text(&rig, reads[i], "abc", 0);
		ck_assert_int_eq(af_file_close(files[i]), 0);
	}
	while (library_threads() > _i)
		expect_life();
	rig_close(&rig);
}
END_TEST

/* Which may never come back. */
START_TEST(workers_that_are_stuck_are_not_waited_for_once_none_is_allowed)
{
	struct af_file *stuck, *file;
	struct af_future *read;

	open_cold(DRIVE_AWAIT);
	make_file("file", "abc", 0600);
	stuck = opened("file", "r");
	file = opened("file", "r");
	slow_stop(0);
	read = reading(stuck, 3);
	slow_expect(1);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 0), 0);
	slow_stop(1000); /* that one alone */
	expect_text(&rig, reading(file, 3), "abc", 0);
	ck_assert_int_eq(af_future_error(read), -EINPROGRESS);
	slow_go();
	expect_text(&rig, read, "abc", 0);
	ck_assert_int_eq(af_file_close(stuck), 0);
	close_all(file);
}
END_TEST

START_TEST(workers_have_all_signals_blocked)
{
	struct af_file *file;
	struct af_future *f;
	sigset_t set;
	char path[300], line[200];
	unsigned long long blocked = 0;
	DIR *dir;
	struct dirent *entry;

	open_cold(DRIVE_AWAIT);
	file = containing("abc", "r");
	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	sigemptyset(&set);
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	ck_assert(!sigismember(&set, SIGUSR1));
	dir = opendir("/proc/self/task");
	while ((entry = readdir(dir))) {
		FILE *status;

		if (atoi(entry->d_name) == getpid() || entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/status",
			 entry->d_name);
		status = fopen(path, "re");
		while (fgets(line, sizeof line, status))
			sscanf(line, "SigBlk: %llx", &blocked);
		fclose(status);
	}
	closedir(dir);
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			ck_assert_msg(blocked >> (sig - 1) & 1, "%d", sig);
	slow_go();
	expect_text(&rig, f, "abc", 0);
	close_all(file);
}
END_TEST

#define CROWD 1000

START_TEST(thousand_files_at_once_are_all_read)
{
	static struct af_file *files[CROWD];
	static struct af_future *reads[CROWD];
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 2000;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	open_cold(_i);
	for (int i = 0; i < CROWD; i++) {
		char name[20];

		snprintf(name, sizeof name, "file%d", i);
		make_file(name, name, 0600);
		files[i] = opened(name, "r");
		reads[i] = af_file_read(files[i], 0, 0, NULL);
		af_future_ref(reads[i]);
	}
	expect_count(&rig, af_all(rig.loop, reads, CROWD), 0, 0);
	for (int i = 0; i < CROWD; i++) {
		char name[20];

		snprintf(name, sizeof name, "file%d", i);
		ck_assert_str_eq(af_future_data(reads[i], NULL), name);
		af_future_unref(reads[i]);
		ck_assert_int_eq(af_file_close(files[i]), 0);
	}
	ck_assert_uint_le(slow_most(), AFIO_MAX_WORKERS);
	rig_close(&rig);
}
END_TEST

/* For who takes bytes from the descriptor himself: see lib/file/file.h. */
static ssize_t prepare(struct af_file *file, size_t len)
{
	return file->transport->prepare(file, len);
}

/* Whether it can be known here what is in the page cache. */
static bool memory_is_known(struct af_file *disk)
{
#ifdef HAVE_RWF
	char byte;
	struct iovec iov = { &byte, 1 };

	if (preadv2(disk->fd, &iov, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN)
		return true;
#endif
	if (afi_device_keeps(disk->fd))
		return true;
	fprintf(stderr, "skipped: preadv2() does not work here\n");
	return false;
}

START_TEST(disk_prepare_has_a_worker_bring_what_is_cold)
{
	struct slow slow = { .now = NOW_AS_EVER };
	struct af_file *file;
	ssize_t n;

	open_cold(DRIVE_AWAIT);
	file = containing("abcdef", "r");
	if (!memory_is_known(file)) {
		close_all(file);
		return;
	}
	slow_stop(0);
	ck_assert_int_eq(prepare(file, 6), -EAGAIN);
	slow_expect(1);
	ck_assert_int_eq(prepare(file, 6), -EAGAIN);
	slow_go();
	while ((n = prepare(file, 6)) == -EAGAIN)
		expect_life();
	ck_assert_int_eq(n, 6);
	ck_assert_uint_eq(slow_calls(), 1);
	/* What is known to be there, and what is not asked for anew. */
	ck_assert_int_eq(prepare(file, 1 << 20), 6);
	ck_assert_int_eq(af_file_seek(file, 1, SEEK_SET), 1);
	slow_set(&slow);
	while ((n = prepare(file, 1 << 20)) == -EAGAIN)
		expect_life();
	ck_assert_int_eq(n, 1 << 20);
	expect_text(&rig, reading(file, 0), "bcdef", AFIO_EOF);
	close_all(file);
}
END_TEST

/* A slot of its own is free again then: nothing of it is taken for a read. */
START_TEST(disk_prepare_without_workers_does_it_here)
{
	struct af_file *file;

	open_way(3 * DRIVE_COUNT);
	file = containing("abcdef", "r");
	if (!memory_is_known(file)) {
		close_all(file);
		return;
	}
	ck_assert_int_eq(prepare(file, 4), 4);
	ck_assert_int_eq(prepare(file, 6), 4);
	expect_text(&rig, reading(file, 0), "abcdef", AFIO_EOF);
	close_all(file);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/workers");
	TCase *tc = scratch_case(s, "workers");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(await_of_a_stuck_read_from_anywhere_ends_with_it, CONTEXT_COUNT);
	ADD(await_of_an_earlier_stuck_read_from_anywhere_ends_with_it,
	    CONTEXT_COUNT);
	ADD(workers_are_as_many_as_allowed_and_end_when_idle, 4);
	ADD(workers_fewer_than_before_end, 3);
	tcase_add_test(
		tc,
		workers_that_are_stuck_are_not_waited_for_once_none_is_allowed);
	tcase_add_test(tc, workers_have_all_signals_blocked);
	ADD(thousand_files_at_once_are_all_read, DRIVE_COUNT);
	tcase_add_test(tc, disk_prepare_has_a_worker_bring_what_is_cold);
	tcase_add_test(tc, disk_prepare_without_workers_does_it_here);
	return s;
}
