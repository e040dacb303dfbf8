/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of who reaps a child: the loop when its process is freed early, nobody
 * when the loop is, and somebody else when the program does so itself.
 */
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"

/* Most tests run once for each driver: _i is the way of the rig. */

START_TEST(free_process_with_pending_operations_cancels_them)
{
	struct af_process *process;
	struct af_future *wait, *read;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("hold", "0"), WITH(ALL_PIPES));
	pid = af_process_pid(process);
	wait = af_process_wait(process, MS(30000));
	read = af_file_read(af_process_stdout(process), 1, 0, NULL);
	af_process_free(process);
	expect_error(&rig, wait, -ECANCELED);
	expect_error(&rig, read, -ECANCELED);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

START_TEST(free_live_child_leaves_it_running_to_be_reaped)
{
	struct af_process *process;
	struct rig rig;
	char echo[5];
	pid_t pid;
	int out[2];

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, out);
	process = start(&rig, HELPER("cat"),
			WITH(.in = TO_FD(rig.in), .out = TO_FD(out[1])));
	pid = af_process_pid(process);
	af_process_free(process);
	put(rig.out, "alive", 5);
	get(out[0], echo, 5);
	rig_hang_up(&rig);
	expect_reaped(&rig, pid);
	close(out[0]);
	close(out[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(free_unnoticed_zombie_is_reaped)
{
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), NULL);
	pid = af_process_pid(process);
	await_zombie(pid);
	af_process_free(process);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

static struct af_future *free_process(struct af_future *done, void *process)
{
	ck_assert_int_eq(af_future_status(done), 0);
	af_process_free(process);
	return NULL;
}

START_TEST(free_process_in_its_own_continuation_is_fine)
{
	struct af_process *process;
	struct af_future *wait;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PIPES));
	wait = af_process_wait(process, NULL);
	expect_status(&rig, af_then(wait, free_process, process), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(free_loop_before_process_cancels_and_leaves_child)
{
	struct af_process *process;
	struct af_future *wait;
	int status;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("hold", "0"),
			WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE));
	pid = af_process_pid(process);
	wait = af_process_wait(process, NULL);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(wait), -ECANCELED);
	af_future_unref(wait);
	wait = af_process_wait(process, NULL);
	ck_assert_int_eq(af_future_error(wait), -ECANCELED);
	af_future_unref(wait);
	af_process_free(process);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	rig_close(&rig);
}
END_TEST

static bool told;

static void spawn_too_late(struct af_future *done, void *arg)
{
	struct rig *rig = arg;

	told = true;
	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	errno = 0;
	ck_assert_ptr_null(af_spawn(rig->loop, HELPER("exit", "0"), NULL));
	ck_assert_int_eq(errno, ECANCELED);
}

START_TEST(spawn_while_loop_is_freed_is_canceled)
{
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start_held(&rig);
	pid = af_process_pid(process);
	af_on_done(af_process_wait(process, NULL), spawn_too_late, &rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert(told);
	af_process_free(process);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}
END_TEST

/* A program of its own, which starts a child and ends. */
static void start_and_exit(const struct rig *rig, int out)
{
	struct af_loop *loop = af_loop_new(NULL);

	leave_as_is(!af_spawn(loop, HELPER("cat"),
			      WITH(.in = TO_FD(rig->in), .out = TO_FD(out))));
}

START_TEST(exit_of_the_program_leaves_children_running)
{
	struct rig rig;
	char echo[5];
	pid_t pid;
	int out[2];

	rig_open(&rig, 0);
	make_pair(KIND_PIPE, out);
	pid = fork();
	if (pid == 0)
		start_and_exit(&rig, out[1]);
	close(out[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	put(rig.out, "alive", 5);
	get(out[0], echo, 5);
	rig_hang_up(&rig);
	ck_assert_int_eq(read(out[0], echo, 1), 0);
	close(out[0]);
	rig_close(&rig);
}
END_TEST

/* The end is known for sure; its status need not be. */
static void expect_end(struct rig *rig, struct af_process *process, int code)
{
	struct af_future *wait = af_process_wait(process, MS(30000));
	int status = 1234, r = drive(rig, wait);

	ck_assert(r == 0 || r == -ECHILD);
	ck_assert_int_eq(af_future_status(wait), r == 0 ? EXITED(code) : -1);
	af_future_unref(wait);
	ck_assert(af_process_poll(process, &status));
	ck_assert_int_eq(status, r == 0 ? EXITED(code) : -1);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
}

START_TEST(wait_with_sigchld_ignored_ends)
{
	struct rig rig;

	rig_open(&rig, _i);
	signal(SIGCHLD, SIG_IGN);
	expect_end(&rig, start(&rig, HELPER("exit", "3"), NULL), 3);
	errno = 0;
	ck_assert_ptr_null(af_spawn(
		rig.loop, (const char *const[]){ "/nowhere", NULL }, NULL));
	ck_assert_int_eq(errno, ENOENT);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_with_sa_nocldwait_ends)
{
	struct sigaction action = { .sa_handler = SIG_DFL,
				    .sa_flags = SA_NOCLDWAIT };
	struct af_process *process;
	struct af_future *wait;
	struct rig rig;

	rig_open(&rig, _i);
	sigaction(SIGCHLD, &action, NULL);
	process = start_held(&rig);
	wait = af_process_wait(process, MS(30000));
	rig_hang_up(&rig);
	expect_end(&rig, process, 0);
	ck_assert(af_future_error(wait) == -ECHILD ||
		  af_future_status(wait) == 0);
	af_future_unref(wait);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_for_stolen_status_ends)
{
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "7"), NULL);
	pid = af_process_pid(process);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	expect_end(&rig, process, 7);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_while_status_is_stolen_ends)
{
	struct af_process *process;
	struct af_future *wait;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start_held(&rig);
	pid = af_process_pid(process);
	wait = af_process_wait(process, MS(30000));
	expect_error(&rig, af_process_wait(process, MS(0)), -ETIMEDOUT);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	expect_end(&rig, process, 0);
	ck_assert(af_future_error(wait) == -ECHILD ||
		  af_future_status(wait) == 0);
	af_future_unref(wait);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("process/reap");
	TCase *tc = test_case(s, "free");

	ADD(tc, free_process_with_pending_operations_cancels_them);
	ADD(tc, free_live_child_leaves_it_running_to_be_reaped);
	ADD(tc, free_unnoticed_zombie_is_reaped);
	ADD(tc, free_process_in_its_own_continuation_is_fine);
	ADD(tc, free_loop_before_process_cancels_and_leaves_child);
	ADD(tc, spawn_while_loop_is_freed_is_canceled);
	tcase_add_test(tc, exit_of_the_program_leaves_children_running);

	tc = test_case(s, "foreign");
	ADD(tc, wait_with_sigchld_ignored_ends);
	ADD(tc, wait_with_sa_nocldwait_ends);
	ADD(tc, wait_for_stolen_status_ends);
	ADD(tc, wait_while_status_is_stolen_ends);
	return s;
}
