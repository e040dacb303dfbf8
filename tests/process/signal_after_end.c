/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of signals for a child that is gone: they fail, and never reach another
 * process that has its number by now.
 */
#include "config.h"

#include <linux/sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"
#include "support/denied.h"

/*
 * Starts a stranger with that number, which lives until rig->out hangs up; -1
 * where that is not allowed.
 */
static pid_t start_stranger(pid_t pid, struct rig *rig)
{
#ifdef HAVE_PIDFD
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	long r = syscall(SYS_clone3, &args, sizeof args);
	char byte;

	if (r == 0) {
		syscall(SYS_close, rig->out);
		syscall(SYS_read, rig->in, &byte, 1);
		syscall(SYS_exit_group, 0);
	}
	return (pid_t)r;
#else
	/* Then two children with one number cannot be told apart. */
	(void)pid;
	(void)rig;
	return -1;
#endif
}

static void expect_stranger_unharmed(struct rig *rig,
				     struct af_process *process)
{
	pid_t pid = af_process_pid(process);
	pid_t stranger = start_stranger(pid, rig);
	int status;

	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_hang_up(rig);
	if (stranger < 0)
		return;
	ck_assert_int_eq(stranger, pid);
	ck_assert_int_eq(waitpid(stranger, &status, 0), stranger);
	ck_assert_int_eq(status, 0);
}

START_TEST(signal_reaped_child_is_esrch_and_hits_nobody)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), NULL);
	expect_status(&rig, af_process_wait(process, NULL), 0);
	expect_stranger_unharmed(&rig, process);
	rig_close(&rig);
}
END_TEST

START_TEST(signal_child_that_another_reaped_hits_nobody)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), NULL);
	ck_assert_int_eq(waitpid(af_process_pid(process), NULL, 0),
			 af_process_pid(process));
	expect_stranger_unharmed(&rig, process);
	rig_close(&rig);
}
END_TEST

/* Then only its parent can tell that it is gone. */
START_TEST(signal_child_that_another_reaped_without_pidfds_is_esrch)
{
	const struct denied pidfds[] = {
		DENIED_PIDFDS,
		{ "pidfd_send_signal", SYS_pidfd_send_signal, 0, 0, 0 },
	};
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	if (!deny(pidfds, 3, EPERM))
		return;
	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), NULL);
	pid = af_process_pid(process);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

static void drop_stop(struct rig *rig, struct af_future *stop)
{
	int r = drive(rig, stop);

	ck_assert(r == 0 || r == -ECHILD);
	af_future_unref(stop);
}

/* A group, whose leader is a stranger with that number. */
START_TEST(signal_group_whose_leader_another_reaped_hits_nobody)
{
	struct af_process *process;
	pid_t pid, stranger;
	struct rig rig;
	int status;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("lead", "exit", "0"), NULL);
	pid = af_process_pid(process);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	stranger = start_stranger(pid, &rig);
	if (stranger > 0)
		ck_assert_int_eq(setpgid(stranger, stranger), 0);
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	drop_stop(&rig, af_process_stop(process, MS(0)));
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_hang_up(&rig);
	if (stranger > 0) {
		ck_assert_int_eq(waitpid(stranger, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/signal_after_end");
	TCase *tc = test_case(s, "signal");

	tcase_add_loop_test(tc, signal_reaped_child_is_esrch_and_hits_nobody, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, signal_child_that_another_reaped_hits_nobody, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(
		tc, signal_child_that_another_reaped_without_pidfds_is_esrch, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(
		tc, signal_group_whose_leader_another_reaped_hits_nobody, 0,
		DRIVE_COUNT);
	return s;
}
