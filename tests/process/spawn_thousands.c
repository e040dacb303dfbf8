/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Thousands of children, however they are seen off, leave behind neither
 * a descriptor nor a zombie. The harness counts, too.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW true
#endif
#endif
#ifndef SLOW
#define SLOW under_valgrind()
#endif

#define AT_ONCE 50

/* The number that the next descriptor gets: it grows if any is lost. */
static int next_fd(void)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

/* Each in one of the ways in which a program is done with a child. */
static void see_off(struct rig *rig, struct af_process *process, int way)
{
	struct af_future *f;

	switch (way % 5) {
	case 0: /* while it may be running */
		break;
	case 1:
		expect_status(rig, af_process_wait(process, NULL), 0);
		break;
	case 2: /* a wait that nobody waits for */
		af_future_unref(af_process_wait(process, MS(60000)));
		break;
	case 3:
		await_zombie(af_process_pid(process));
		break;
	case 4:
		f = af_process_stop(process, MS(60000));
		ck_assert_int_eq(drive(rig, f), 0);
		af_future_unref(f);
	}
	af_process_free(process);
}

/* Lets the loop reap what is left. */
static void await_no_child(struct rig *rig)
{
	int64_t since = now_us();
	siginfo_t info;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		ck_assert_msg(now_us() - since < 20000000, "a child is left");
		expect_count(rig, af_sleep(rig->loop, MS(5)), 0, 0);
	}
	ck_assert_int_eq(errno, ECHILD);
}

static void start_many(int way, int total, const struct af_spawn_options *how)
{
	struct af_process *processes[AT_ONCE];
	struct rig rig;
	int fd;

	rig_open(&rig, way);
	fd = next_fd();
	for (int n = 0; n < total; n += AT_ONCE) {
		for (int i = 0; i < AT_ONCE; i++)
			processes[i] = start(&rig, HELPER("exit", "0"), how);
		for (int i = 0; i < AT_ONCE; i++)
			see_off(&rig, processes[i], i);
	}
	await_no_child(&rig);
	ck_assert_int_eq(next_fd(), fd);
	rig_close(&rig);
}

START_TEST(spawn_of_thousands_leaves_nothing)
{
	start_many(0, SLOW ? 250 : 3000, NULL);
}
END_TEST

START_TEST(spawn_many_with_pipes_leaves_nothing)
{
	start_many(_i, SLOW ? 50 : 250, WITH(ALL_PIPES));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/spawn_thousands");
	TCase *tc = test_case(s, "thousands");

	tcase_set_timeout(tc, 5 * TEST_TIMEOUT);
	tcase_add_test(tc, spawn_of_thousands_leaves_nothing);
	tcase_add_loop_test(tc, spawn_many_with_pipes_leaves_nothing, 0,
			    DRIVE_COUNT);
	return s;
}
