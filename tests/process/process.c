/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of a process that runs: waiting for its end, polling, signals and its
 * stdin.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"

/* Most tests run once for each driver: _i is the way of the rig. */

START_TEST(wait_exited_child_gives_its_code)
{
	static const char *const codes[] = { "0", "1", "7", "255" };
	struct rig rig;

	rig_open(&rig, _i);
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		expect_exit(&rig, start(&rig, HELPER("exit", codes[i]), NULL),
			    atoi(codes[i]));
	rig_close(&rig);
}
END_TEST

START_TEST(wait_killed_child_gives_the_signal)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("kill-self", "15"), NULL);
	expect_status(&rig, af_process_wait(process, NULL), SIGTERM);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_several_times_gives_status_to_all)
{
	struct af_process *process;
	struct af_future *waits[3];
	struct rig rig;

	rig_open(&rig, _i);
	process = start_held(&rig);
	for (int i = 0; i < 3; i++)
		waits[i] = af_process_wait(process, NULL);
	ck_assert_int_eq(af_future_error(waits[1]), -EINPROGRESS);
	ck_assert_int_eq(af_future_status(waits[1]), -1);
	rig_hang_up(&rig);
	for (int i = 0; i < 3; i++)
		expect_status(&rig, waits[i], 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_many_children_gives_each_its_own_status)
{
	struct af_process *processes[40];
	struct rig rig;
	char code[12];

	rig_open(&rig, _i);
	for (int i = 0; i < 40; i++) {
		snprintf(code, sizeof code, "%d", i);
		processes[i] = start(&rig, HELPER("exit", code), NULL);
	}
	for (int i = 39; i >= 0; i--)
		expect_exit(&rig, processes[i], i);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_past_deadline_times_out_and_child_goes_on)
{
	struct af_process *process;
	struct af_future *unbounded;
	struct rig rig;
	int64_t since;

	rig_open(&rig, _i);
	process = start_held(&rig);
	unbounded = af_process_wait(process, NULL);
	since = now_us();
	expect_error(&rig, af_process_wait(process, MS(50)), -ETIMEDOUT);
	expect_elapsed(since, 50);
	ck_assert(!af_process_poll(process, NULL));
	rig_hang_up(&rig);
	expect_status(&rig, unbounded, 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_zero_timeout_says_what_is_now)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_held(&rig);
	expect_error(&rig, af_process_wait(process, MS(0)), -ETIMEDOUT);
	rig_hang_up(&rig);
	await_zombie(af_process_pid(process));
	expect_status(&rig, af_process_wait(process, MS(0)), 0);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_canceled_leaves_child_and_other_waits)
{
	struct af_process *process;
	struct af_future *kept, *canceled;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_held(&rig);
	canceled = af_process_wait(process, NULL);
	kept = af_process_wait(process, NULL);
	af_future_cancel(canceled);
	expect_error(&rig, canceled, -ECANCELED);
	ck_assert(!af_future_is_done(kept));
	rig_hang_up(&rig);
	expect_status(&rig, kept, 0);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(use_with_nonsense_is_refused)
{
	struct timeval negative = { .tv_sec = -1 };
	struct af_process *process;
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, 0);
	process = start_held(&rig);
	expect_error(&rig, af_process_wait(process, &negative), -EINVAL);
	/* Of no loop; and it is not the status of one that ended well. */
	f = af_process_wait(NULL, NULL);
	ck_assert_int_eq(af_future_error(f), -EINVAL);
	ck_assert_int_eq(af_future_status(f), -1);
	af_future_unref(f);
	ck_assert_int_eq(af_process_signal(NULL, SIGTERM), -EINVAL);
	ck_assert_int_eq(af_process_signal(process, 9999), -EINVAL);
	ck_assert_int_eq(af_process_signal(process, -1), -EINVAL);
	ck_assert_int_eq(af_process_close_stdin(NULL), -EINVAL);
	ck_assert_int_eq(af_process_pid(NULL), -EINVAL);
	ck_assert(!af_process_poll(NULL, NULL));
	ck_assert_ptr_null(af_process_stdin(NULL));
	ck_assert_ptr_null(af_process_stdout(NULL));
	ck_assert_ptr_null(af_process_stderr(NULL));
	af_process_free(NULL);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(poll_before_and_after_end_tells_them_apart)
{
	struct af_process *process;
	int status = 1234;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("sink", "1"), WITH(.in = TO_FD(rig.in)));
	ck_assert(!af_process_poll(process, &status));
	ck_assert_int_eq(status, 1234);
	rig_hang_up(&rig);
	await_zombie(af_process_pid(process));
	ck_assert(af_process_poll(process, NULL));
	ck_assert(af_process_poll(process, &status));
	ck_assert_int_eq(status, EXITED(1));
	expect_exit(&rig, process, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(pid_of_process_is_the_childs_also_after_its_end)
{
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, 0);
	process = start(&rig, HELPER("exit", "0"), NULL);
	pid = af_process_pid(process);
	await_zombie(pid);
	expect_status(&rig, af_process_wait(process, NULL), 0);
	ck_assert_int_eq(af_process_pid(process), pid);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(signal_live_child_ends_it)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_held(&rig);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), 0);
	expect_status(&rig, af_process_wait(process, NULL), SIGKILL);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(close_stdin_of_reading_child_shows_it_the_end)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("wait-eof"), WITH(IN_OUT_PIPES));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	ck_assert_ptr_null(af_process_stdin(process));
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "eof\n", AFIO_EOF);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(close_stdin_with_pending_write_cancels_it)
{
	struct af_process *process;
	struct af_future *write;
	size_t len = 8 << 20;
	struct rig rig;
	char *zeros;

	rig_open(&rig, _i);
	zeros = calloc(1, len);
	process = start(&rig, HELPER("hold", "2"),
			WITH(.in.kind = AFIO_PIPE, .err = TO_FD(rig.in)));
	write = af_file_write(af_process_stdin(process), zeros, len, AFIO_FULL,
			      NULL);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	ck_assert_int_eq(drive(&rig, write), -ECANCELED);
	ck_assert_uint_lt(af_future_count(write), len);
	af_future_unref(write);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	free(zeros);
	rig_close(&rig);
}
END_TEST

static void on_sigchld(int sig)
{
	(void)sig;
}

START_TEST(spawn_and_wait_leave_the_programs_signals_alone)
{
	struct sigaction before[NSIG], after;
	sigset_t mask, mask_after, pending;
	struct rig rig;

	rig_open(&rig, _i);
	signal(SIGCHLD, on_sigchld);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, NULL, &before[sig]);

	expect_exit(&rig, start(&rig, HELPER("exit", "0"), WITH(ALL_PIPES)), 0);
	sigpending(&pending);
	ck_assert(sigismember(&pending, SIGCHLD));

	for (int sig = 1; sig < NSIG; sig++)
		if (sigaction(sig, NULL, &after) == 0)
			ck_assert(after.sa_handler == before[sig].sa_handler);
	sigprocmask(SIG_SETMASK, NULL, &mask_after);
	for (int sig = 1; sig < NSIG; sig++)
		ck_assert_int_eq(sigismember(&mask_after, sig),
				 sigismember(&mask, sig));
	signal(SIGCHLD, SIG_DFL);
	rig_close(&rig);
}
END_TEST

static void *use_elsewhere(void *arg)
{
	struct af_process *process = arg;
	struct af_loop *loop = af_process_loop(process);
	int fds[3] = { 1234, 1234, 1234 };
	pid_t pid = 5678;

	ck_assert_ptr_null(af_spawn(loop, HELPER("exit", "0"), NULL));
	ck_assert_int_eq(errno, EPERM);
	errno = 0;
	ck_assert_ptr_null(af_process_adopt(loop, 1, -1, -1, -1));
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(af_future_error(af_process_wait(process, NULL)),
			 -EPERM);
	ck_assert_int_eq(af_future_error(af_process_stop(process, NULL)),
			 -EPERM);
	ck_assert_int_eq(af_process_close_stdin(process), -EPERM);
	ck_assert_int_eq(af_process_release(process, &pid, fds, NULL), -EPERM);
	ck_assert_int_eq(pid, 5678);
	ck_assert_int_eq(fds[0], 1234);
	return NULL;
}

START_TEST(use_on_another_thread_is_eperm)
{
	struct af_process *process;
	pthread_t thread;
	struct rig rig;

	rig_open(&rig, 0);
	process = start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	ck_assert_ptr_eq(af_process_loop(process), rig.loop);
	ck_assert_ptr_null(af_process_loop(NULL));
	ck_assert_int_eq(pthread_create(&thread, NULL, use_elsewhere, process),
			 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("process/process");
	TCase *tc = test_case(s, "wait");

	ADD(tc, wait_exited_child_gives_its_code);
	ADD(tc, wait_killed_child_gives_the_signal);
	ADD(tc, wait_several_times_gives_status_to_all);
	ADD(tc, wait_many_children_gives_each_its_own_status);
	ADD(tc, wait_past_deadline_times_out_and_child_goes_on);
	ADD(tc, wait_zero_timeout_says_what_is_now);
	ADD(tc, wait_canceled_leaves_child_and_other_waits);

	tc = test_case(s, "use");
	tcase_add_test(tc, use_with_nonsense_is_refused);
	tcase_add_test(tc, use_on_another_thread_is_eperm);
	ADD(tc, poll_before_and_after_end_tells_them_apart);
	tcase_add_test(tc, pid_of_process_is_the_childs_also_after_its_end);
	ADD(tc, signal_live_child_ends_it);
	ADD(tc, close_stdin_of_reading_child_shows_it_the_end);
	ADD(tc, close_stdin_with_pending_write_cancels_it);
	ADD(tc, spawn_and_wait_leave_the_programs_signals_alone);
	return s;
}
