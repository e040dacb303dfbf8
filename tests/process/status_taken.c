/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of children whose status another part of the program takes, or that the
 * kernel reaps. Their end is always noticed; how they ended is known where the
 * kernel reports it, and otherwise reported as unknown.
 */
#include "config.h"

#include <linux/sched.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/children.h"
#include "support/denied.h"

/* Most tests run once for each driver: _i is the way of the rig. */

#ifdef HAVE_PIDFD
/* A child that is reaped, as a pidfd. */
static int reaped_pidfd(void)
{
	pid_t pid = fork();
	int pidfd;

	if (pid < 0)
		return -1; /* refused */
	/* By no exit, of which valgrind would have something to say. */
	if (pid == 0)
		kill(getpid(), SIGKILL);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return pidfd;
}
#endif

/*
 * Whether the kernel tells how a child ended that somebody else has reaped.
 * Found out once, while nobody reaps our own.
 */
static bool kernel_tells(void)
{
#ifdef HAVE_PIDFD
	static bool asked, tells;
	uint64_t facts[8] = { 8 };
	int pidfd;

	if (asked)
		return tells;
	pidfd = reaped_pidfd();
	tells = pidfd >= 0 && ioctl(pidfd, _IOWR(0xff, 11, facts), facts) == 0;
	if (tells)
		ck_assert_uint_eq(facts[7] >> 32, SIGKILL);
	close(pidfd);
	asked = true;
	return tells;
#else
	return false;
#endif
}

/* Whether it signals the group of a leader that is reaped: no such group. */
static bool kernel_knows_groups(void)
{
	bool knows = false;
#ifdef HAVE_PIDFD
	int pidfd = reaped_pidfd();

	knows = pidfd >= 0 &&
		syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 1u << 2) < 0 &&
		errno == ESRCH;
	close(pidfd);
#endif
	return knows;
}

/* Drive f, which ends with that status, or unknown if it may be; drop it. */
#define expect_told(rig, f, status)                                            \
	check_told(__FILE__, __LINE__, (rig), (f), (status))

static void check_told(const char *file, int line, struct rig *rig,
		       struct af_future *f, int status)
{
	int r = drive(rig, f);

	if (kernel_tells()) {
		check_status(file, line, rig, f, status);
		return;
	}
	ck_assert_int_eq(r, -ECHILD);
	ck_assert_int_eq(af_future_status(f), -1);
	af_future_unref(f);
}

static void steal(struct af_process *process)
{
	pid_t pid = af_process_pid(process);

	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(wait_for_what_was_stolen_before_ends)
{
	struct af_process *process;
	struct rusage usage;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "7"), NULL);
	steal(process);
	expect_told(&rig, af_process_wait(process, NULL), EXITED(7));
	ck_assert_int_eq(af_process_usage(process, &usage), -ECHILD);
	af_process_free(process);

	process = start(&rig, HELPER("kill-self", "9"), NULL);
	steal(process);
	expect_told(&rig, af_process_wait(process, MS(0)), SIGKILL);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(poll_of_what_was_stolen_says_so)
{
	struct af_process *process;
	struct rig rig;
	int status = 1234;

	rig_open(&rig, 0);
	process = start(&rig, HELPER("exit", "7"), NULL);
	steal(process);
	ck_assert(af_process_poll(process, &status));
	ck_assert_int_eq(status, kernel_tells() ? EXITED(7) : -1);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);

	process = start(&rig, HELPER("exit", "0"), NULL);
	steal(process);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_while_it_is_stolen_ends)
{
	struct af_process *process;
	struct af_future *wait, *stop;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_held(&rig);
	wait = af_process_wait(process, NULL);
	expect_error(&rig, af_process_wait(process, MS(1)), -ETIMEDOUT);
	stop = af_process_stop(process, MS(600000));
	steal(process);
	expect_told(&rig, wait, SIGTERM);
	expect_told(&rig, stop, SIGTERM);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* Reaps whatever ends, until the keeper does, as some programs do. */
static void *reap_all(void *keeper)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, 0);
	while (pid > 0 && pid != *(pid_t *)keeper);
	return NULL;
}

START_TEST(wait_beside_a_thread_that_reaps_all_ends)
{
	struct af_process *process, *keeper;
	pthread_t thief;
	struct rig rig;
	char code[12];
	pid_t pid;

	rig_open(&rig, _i);
	keeper = start_held(&rig);
	pid = af_process_pid(keeper);
	kernel_tells();
	ck_assert_int_eq(pthread_create(&thief, NULL, reap_all, &pid), 0);
	for (int i = 0; i < 100; i++) {
		struct af_future *wait;
		int r;

		snprintf(code, sizeof code, "%d", i);
		process = start(&rig, HELPER("exit", code), NULL);
		wait = af_process_wait(process, NULL);
		r = drive(&rig, wait);
		/* We may be faster than the thief. */
		ck_assert(r == 0 || (r == -ECHILD && !kernel_tells()));
		ck_assert_int_eq(af_future_status(wait), r ? -1 : EXITED(i));
		af_future_unref(wait);
		ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
		af_process_free(process);
	}
	rig_hang_up(&rig);
	pthread_join(thief, NULL);
	expect_told(&rig, af_process_wait(keeper, NULL), EXITED(0));
	af_process_free(keeper);
	rig_close(&rig);
}
END_TEST

/* Nobody reaps, and nobody has to. */
static void ignore_sigchld(int how)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	kernel_tells();
	if (how == 1)
		action = (struct sigaction){ .sa_flags = SA_NOCLDWAIT };
	ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
}

START_TEST(wait_with_sigchld_ignored_ends)
{
	struct af_process *process;
	struct rusage usage;
	struct rig rig;

	rig_open(&rig, _i % DRIVE_COUNT);
	process = start(&rig, HELPER("exit", "0"), NULL);
	expect_exit(&rig, process, 0);
	ignore_sigchld(_i / DRIVE_COUNT);
	for (int i = 0; i < 20; i++) {
		process = start(&rig, HELPER("exit", "3"), NULL);
		expect_told(&rig, af_process_wait(process, NULL), EXITED(3));
		ck_assert_int_eq(af_process_usage(process, &usage), -ECHILD);
		af_process_free(process);
	}
	process = start_held(&rig);
	expect_told(&rig, af_process_stop(process, MS(600000)), SIGTERM);
	af_process_free(process);
	signal(SIGCHLD, SIG_DFL);
	rig_close(&rig);
}
END_TEST

START_TEST(free_with_sigchld_ignored_is_fine)
{
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i % DRIVE_COUNT);
	ignore_sigchld(_i / DRIVE_COUNT);
	process = start_held(&rig);
	pid = af_process_pid(process);
	af_process_free(process);
	rig_hang_up(&rig);
	expect_reaped(&rig, pid);
	signal(SIGCHLD, SIG_DFL);
	rig_close(&rig);
}
END_TEST

START_TEST(pipe_of_which_a_stage_was_stolen_ends)
{
	int known = kernel_tells() ? EXITED(7) : -1, status = 1234;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("exit", "7"), HELPER("cat")),
			   WITH(.out.kind = AFIO_PIPE));
	steal(af_pipe_process(pipe, 0));
	expect_told(&rig, af_pipe_wait(pipe, NULL), EXITED(7));
	ck_assert(af_pipe_poll(pipe, &status));
	ck_assert_int_eq(status, known);
	ck_assert_int_eq(af_pipe_status(pipe, 0), known);
	ck_assert_int_eq(af_pipe_status(pipe, 1), EXITED(0));
	expect_told(&rig, af_pipe_stop(pipe, NULL), EXITED(7));
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* What it said is not lost with its status. */
START_TEST(communicate_with_what_was_stolen_succeeds)
{
	struct af_process *process;
	struct af_pipe *pipe;
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("echo", "hello"), WITH(ALL_PIPES));
	steal(process);
	pipe = af_pipe_new(process, NULL);
	f = af_pipe_communicate(pipe, NULL);
	ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, "hello\n");
	ck_assert_int_eq(af_future_status(f), kernel_tells() ? 0 : -1);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* Without pidfds, the library looks first, and then reaps. */
static bool deny_reaping(void)
{
	static const struct denied pidfds[] = { DENIED_PIDFDS };
	static const struct denied reaping[] = {
		{ "waitid", SYS_waitid, 4, WNOWAIT, 0 },
		{ "wait4", SYS_wait4, 0, 0, 0 },
	};

	return deny(pidfds, 2, EPERM) && deny(reaping, 2, ECHILD);
}

static void expect_status_that_was_seen(int driver)
{
	static const char *const argv[] = { "/bin/sh", "-c", "exit 7", NULL };
	struct af_process *process;
	struct rusage usage;
	struct rig rig;
	int status = 1234;

	if (!deny_reaping())
		return;
	rig_open(&rig, driver);
	process = start(&rig, argv, NULL);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	ck_assert(af_process_poll(process, &status));
	ck_assert_int_eq(status, EXITED(7));
	ck_assert_int_eq(af_process_usage(process, &usage), -ECHILD);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_close(&rig);
}

/* In a process that ends at once: a look for leaks has to wait for its child. */
START_TEST(status_seen_before_it_was_stolen_is_known)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		expect_status_that_was_seen(_i);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, EXITED(0));
}
END_TEST

/* A leader is gone, one of its group is left, who ignores SIGTERM. */
static struct af_process *start_orphaned_group(struct rig *rig)
{
	struct af_process *process = start_up(rig, HELPER("lead", "brood"));

	ck_assert_int_eq(af_process_signal(process, SIGTERM), 0);
	steal(process);
	return process;
}

static void expect_end_of_group(struct rig *rig, struct af_process *process)
{
	if (!kernel_knows_groups())
		rig_hang_up(rig);
	expect_text(rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
	af_process_free(process);
}

START_TEST(signal_group_of_stolen_leader_is_sure_or_esrch)
{
	int r = kernel_knows_groups() ? 0 : -ESRCH;
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_orphaned_group(&rig);
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), r);
	expect_end_of_group(&rig, process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_of_stolen_leader_kills_who_is_left_if_sure)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_orphaned_group(&rig);
	expect_told(&rig, af_process_stop(process, MS(0)), SIGTERM);
	expect_end_of_group(&rig, process);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

/* Whether the tests can find out what the library is told. */
static bool can_ask(void)
{
#ifdef HAVE_PIDFD
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pidfd < 0)
		return without_valgrind("does not know pidfd_open(2)");
	close(pidfd);
#endif
	return true;
}

Suite *suite(void)
{
	Suite *s = suite_create("process/status_taken");
	TCase *tc = test_case(s, "another part of the program waits");

	if (!can_ask())
		return s;
	ADD(tc, wait_for_what_was_stolen_before_ends);
	tcase_add_test(tc, poll_of_what_was_stolen_says_so);
	ADD(tc, wait_while_it_is_stolen_ends);
	ADD(tc, wait_beside_a_thread_that_reaps_all_ends);
	ADD(tc, pipe_of_which_a_stage_was_stolen_ends);
	ADD(tc, communicate_with_what_was_stolen_succeeds);
	ADD(tc, status_seen_before_it_was_stolen_is_known);
	ADD(tc, signal_group_of_stolen_leader_is_sure_or_esrch);
	ADD(tc, stop_of_stolen_leader_kills_who_is_left_if_sure);

	tc = test_case(s, "SIGCHLD is ignored");
	tcase_add_loop_test(tc, wait_with_sigchld_ignored_ends, 0,
			    2 * DRIVE_COUNT);
	tcase_add_loop_test(tc, free_with_sigchld_ignored_is_fine, 0,
			    2 * DRIVE_COUNT);
	return s;
}
