/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of statuses that the program has reaped itself and hands over, on a
 * kernel that tells nobody else's: before or after the library has noticed the
 * end, by any part of the program.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/children.h"
#include "support/denied.h"
#include "support/offers.h"
#include "support/scratch.h"

#define ENDS 200

static struct rig rig;

static bool open_old_kernel(int way, bool pidfds)
{
	static const struct denied calls[] = { DENIED_FACTS, DENIED_PIDFDS };

	if (!deny(calls, pidfds ? 1 : 3, ENOSYS))
		return false;
	rig_open(&rig, way);
	return true;
}

static int reap(struct af_process *process)
{
	pid_t pid = af_process_pid(process);
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* As tmux, tor and most daemons do it: all that there are. */
static void on_sigchld(evutil_socket_t sig, short what, void *arg)
{
	struct af_loop *loop = arg;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		ck_assert_int_eq(af_loop_reaped(loop, pid, status), 1);
}

/* Ends, most of them with a wait, some by a signal, some of leaders. */
static void expect_all_known(struct af_process *processes[], int from, int n)
{
	for (int i = from; i < from + n; i++, processes++) {
		int status = i % 3 ? EXITED(i % 100) : SIGKILL, seen = 0;

		expect_status(&rig, af_process_wait(*processes, NULL), status);
		ck_assert(af_process_poll(*processes, &seen));
		ck_assert_int_eq(seen, status);
		ck_assert_int_eq(af_process_signal(*processes, 12345), -ESRCH);
		af_process_free(*processes);
	}
}

static struct af_process *start_number(int i)
{
	char code[12];

	snprintf(code, sizeof code, "%d", i % 3 ? i % 100 : SIGKILL);
	return start(&rig, HELPER(i % 3 ? "exit" : "kill-self", code),
		     WITH(.new_group = i % 5 == 0));
}

static void expect_ends_under_a_handler(int at_once)
{
	struct af_process *processes[ENDS];
	struct event_base *base = af_loop_base(rig.loop);
	struct event *handler =
		evsignal_new(base, SIGCHLD, on_sigchld, rig.loop);

	event_add(handler, NULL);
	for (int i = 0; i < ENDS; i += at_once) {
		for (int j = i; j < i + at_once; j++)
			processes[j] = start_number(j);
		expect_all_known(&processes[i], i, at_once);
	}
	event_free(handler);
	rig_close(&rig);
}

START_TEST(reap_in_a_sigchld_callback_loses_no_status)
{
	if (open_old_kernel(_i % DRIVE_COUNT, true))
		expect_ends_under_a_handler(_i < DRIVE_COUNT ? 1 : 20);
}
END_TEST

START_TEST(reap_in_a_sigchld_callback_without_pidfds_loses_no_status)
{
	if (open_old_kernel(_i % DRIVE_COUNT, false))
		expect_ends_under_a_handler(_i < DRIVE_COUNT ? 1 : 20);
}
END_TEST

/* Before the loop knows the child, which a thread has started for it. */
START_TEST(status_handed_over_during_the_start_is_the_childs)
{
	struct af_process *process;
	struct af_future *f;
	int status;
	pid_t pid;

	if (!open_old_kernel(_i % DRIVE_COUNT, _i < DRIVE_COUNT))
		return;
	f = af_spawn_async(rig.loop, HELPER("exit", "7"), NULL);
	do /* until its thread has made it */
		pid = waitpid(-1, &status, 0);
	while (pid < 0 && errno == ECHILD && sched_yield() == 0);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid + 1, SIGKILL), 0);
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid, status), 0);
	ck_assert_int_eq(drive(&rig, f), 0);
	process = af_future_take_process(f);
	ck_assert_int_eq(af_process_pid(process), pid);
	af_future_unref(f);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

static struct af_process *started(struct af_future *f)
{
	struct af_process *process;

	ck_assert_int_eq(drive(&rig, f), 0);
	process = af_future_take_process(f);
	ck_assert_ptr_nonnull(process);
	af_future_unref(f);
	return process;
}

/* It is of one that had the number before. */
START_TEST(status_handed_over_during_the_start_of_a_live_child_is_not_its)
{
	struct af_process *process;
	struct af_future *f;
	pid_t pid;

	rig_open(&rig, _i);
	if (offers_pidfds()) {
		f = af_spawn_async(rig.loop, HELPER("hold", "0"),
				   WITH(.in = TO_FD(rig.in)));
		pid = find_child();
		ck_assert_int_eq(af_loop_reaped(rig.loop, pid, EXITED(7)), 0);
		process = started(f);
		ck_assert_int_eq(af_process_pid(process), pid);
		ck_assert(!af_process_poll(process, NULL));
		rig_hang_up(&rig);
		expect_exit(&rig, process, 0);
	}
	rig_close(&rig);
}
END_TEST

/* The start that ends first is of another one. */
START_TEST(status_handed_over_during_two_starts_is_that_of_its_own)
{
	struct af_process *held, *process;
	struct af_future *first, *second;
	int status;
	pid_t pid;

	if (!open_old_kernel(_i, true))
		return;
	first = af_spawn_async(rig.loop, HELPER("hold", "0"),
			       WITH(.in = TO_FD(rig.in)));
	find_child();
	second = af_spawn_async(rig.loop, HELPER("exit", "7"), NULL);
	pid = waitpid(-1, &status, 0);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid, status), 0);
	held = started(first);
	process = started(second);
	ck_assert_int_eq(af_process_pid(process), pid);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	af_process_free(process);
	rig_hang_up(&rig);
	expect_exit(&rig, held, 0);
	rig_close(&rig);
}
END_TEST

/* While a start is stuck, of which there is no child yet. */
START_TEST(many_statuses_during_a_start_take_little_memory)
{
	enum { MANY = 20000 };
	size_t before;
	struct af_future *f;
	int fd;

	rig_open(&rig, 0);
	/* The loop keeps the error of this, too. */
	expect_refused(&rig, (const char *const[]){ "./no", NULL }, NULL,
		       ENOENT);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	f = af_spawn_async(
		rig.loop, HELPER("exit", "7"),
		WITH(.in = { .kind = AFIO_PATH, .path = "fifo" }));
	before = heap_in_use();
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(af_loop_reaped(rig.loop, 5000000 + i, 0), 0);
	ck_assert_uint_lt(heap_in_use(), before + 200000);
	af_future_cancel(f);
	af_future_unref(f);
	while ((fd = open("fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
		sched_yield();
	close(fd);
	while (library_threads() > 0)
		sched_yield();
	rig_close(&rig);
}
END_TEST

/* A thread that reaps, and what it has for the loop's thread. */
struct reaped {
	struct af_loop *loop;
	pid_t pid;
	int status, result;
};

static void hand_over(void *arg)
{
	struct reaped *reaped = arg;

	reaped->result =
		af_loop_reaped(reaped->loop, reaped->pid, reaped->status);
}

static void *reap_one(void *arg)
{
	struct reaped *reaped = arg;

	waitpid(reaped->pid, &reaped->status, 0);
	af_loop_post(reaped->loop, hand_over, reaped);
	return NULL;
}

START_TEST(reap_in_a_thread_that_posts_loses_no_status)
{
	pthread_t thread;

	if (!open_old_kernel(_i, true))
		return;
	for (int i = 0; i < ENDS; i++) {
		struct af_process *process = start_number(i);
		struct af_future *wait = af_process_wait(process, NULL);
		struct reaped reaped = { rig.loop, af_process_pid(process), 0,
					 -1 };

		pthread_create(&thread, NULL, reap_one, &reaped);
		/* We may be faster than the thread. */
		expect_all_known(&process, i, 1);
		pthread_join(thread, NULL);
		af_future_unref(wait);
		/* It must not be called for the next one. */
		while (reaped.result < 0)
			expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	}
	rig_close(&rig);
}
END_TEST

/* Each order of: the library notices the end, the program hands over. */

START_TEST(status_before_the_end_is_noticed_ends_waits)
{
	struct af_process *process;
	struct af_future *wait, *change;
	struct rusage usage;

	if (!open_old_kernel(_i, true))
		return;
	process = start_held(&rig);
	wait = af_process_wait(process, NULL);
	change = af_process_wait_change(process, NULL);
	rig_hang_up(&rig);
	ck_assert_int_eq(af_process_set_status(process, reap(process)), 0);
	ck_assert(af_future_is_done(wait) && af_future_is_done(change));
	expect_status(&rig, change, EXITED(0));
	expect_status(&rig, wait, EXITED(0));
	ck_assert_int_eq(af_process_usage(process, &usage), -ECHILD);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* It has noticed, and holds what it would have to tell. */
START_TEST(status_after_the_end_is_noticed_ends_waits)
{
	struct af_process *process;
	struct af_future *wait, *later;
	int status, seen = 0;

	if (!open_old_kernel(_i, true))
		return;
	for (;;) {
		process = start(&rig, HELPER("exit", "7"), NULL);
		wait = af_process_wait(process, NULL);
		status = reap(process);
		ck_assert(af_process_poll(process, &seen));
		ck_assert_int_eq(seen, -1);
		ck_assert(!af_future_is_done(wait));
		later = af_process_wait(process, NULL);
		if (!af_future_is_done(later))
			break;
		/* It holds it for a moment, which was over: once more. */
		af_future_unref(wait);
		af_future_unref(later);
		af_process_free(process);
	}
	ck_assert_int_eq(af_process_set_status(process, status), 0);
	expect_status(&rig, wait, EXITED(7));
	expect_status(&rig, later, EXITED(7));
	ck_assert(af_process_poll(process, &seen));
	ck_assert_int_eq(seen, EXITED(7));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(status_that_does_not_come_is_echild_and_may_come_later)
{
	struct af_process *process;
	int status;

	if (!open_old_kernel(_i, true))
		return;
	process = start(&rig, HELPER("exit", "7"), NULL);
	status = reap(process);
	expect_error(&rig, af_process_wait(process, MS(0)), -ECHILD);
	expect_error(&rig, af_process_wait(process, NULL), -ECHILD);
	expect_error(&rig, af_process_wait_change(process, NULL), -ECHILD);
	expect_error(&rig, af_process_stop(process, MS(0)), -ECHILD);
	ck_assert_int_eq(
		af_loop_reaped(rig.loop, af_process_pid(process), status), 1);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* One that was reaped, for a loop that expects the status to come. */
static struct af_process *start_awaited(int *ret_status)
{
	struct af_process *process =
		start(&rig, HELPER("exit", "7"), WITH(.new_group = true));
	int seen = 0;

	ck_assert_int_eq(af_loop_reaped(rig.loop, 5000000, 0), 0);
	*ret_status = reap(process);
	ck_assert(af_process_poll(process, &seen));
	ck_assert_int_eq(seen, -1);
	return process;
}

START_TEST(operations_on_an_end_whose_status_may_come_wait_for_it)
{
	struct af_process *process;
	struct af_future *wait, *stop, *change;
	int status;

	if (!open_old_kernel(_i, true))
		return;
	process = start_awaited(&status);
	wait = af_process_wait(process, NULL);
	stop = af_process_stop(process, MS(600000));
	change = af_process_wait_change(process, MS(600000));
	ck_assert(!af_future_is_done(wait) && !af_future_is_done(stop) &&
		  !af_future_is_done(change));
	af_future_cancel(wait);
	expect_error(&rig, wait, -ECANCELED);
	ck_assert_int_eq(af_process_set_status(process, status), 0);
	expect_status(&rig, stop, EXITED(7));
	expect_status(&rig, change, EXITED(7));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(change_asked_for_at_once_is_echild_though_the_status_may_come)
{
	struct af_process *process;
	int status;

	if (!open_old_kernel(_i, true))
		return;
	process = start_awaited(&status);
	expect_error(&rig, af_process_wait_change(process, MS(0)), -ECHILD);
	ck_assert_int_eq(af_process_set_status(process, status), 0);
	expect_status(&rig, af_process_wait_change(process, MS(0)), EXITED(7));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* Nobody would hand it over any more. */
START_TEST(status_of_a_child_whose_loop_was_freed_is_not_waited_for)
{
	struct af_process *process;
	int seen = 0;

	if (!open_old_kernel(_i, true))
		return;
	process = start_held(&rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_process_signal(process, SIGKILL), 0);
	ck_assert_int_eq(reap(process), SIGKILL);
	ck_assert(af_process_poll(process, &seen));
	ck_assert_int_eq(seen, -1);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

static void await_no_child(pid_t pid)
{
	while (kill(pid, 0) == 0)
		sched_yield();
}

START_TEST(status_of_ignored_children_is_not_waited_for)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	struct af_process *process;
	struct af_future *wait;

	if (!open_old_kernel(_i % DRIVE_COUNT, true))
		return;
	if (_i >= DRIVE_COUNT)
		action = (struct sigaction){ .sa_flags = SA_NOCLDWAIT };
	ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
	process = start(&rig, HELPER("exit", "7"), NULL);
	await_no_child(af_process_pid(process));
	ck_assert(af_process_poll(process, NULL));
	wait = af_process_wait(process, NULL);
	ck_assert(af_future_is_done(wait));
	expect_error(&rig, wait, -ECHILD);
	af_process_free(process);
	signal(SIGCHLD, SIG_DFL);
	rig_close(&rig);
}
END_TEST

/* As when a number was given out again before its end was noticed. */
START_TEST(status_is_that_of_the_oldest_child_with_the_number)
{
	struct af_process *older, *newer;
	int status, seen = 0;
	pid_t pid;

	if (!open_old_kernel(_i % DRIVE_COUNT, true))
		return;
	pid = fork();
	if (pid == 0)
		_exit(7);
	older = af_process_adopt(rig.loop, pid, -1, -1, -1);
	newer = af_process_adopt(rig.loop, pid, -1, -1, -1);
	ck_assert(older && newer);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	/* It may have been noticed that the older one has ended. */
	if (_i >= DRIVE_COUNT)
		ck_assert(af_process_poll(older, NULL));
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid, status), 1);
	ck_assert(af_process_poll(older, &seen));
	ck_assert_int_eq(seen, EXITED(7));
	ck_assert(af_process_poll(newer, &seen));
	ck_assert_int_eq(seen, -1);
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid, EXITED(8)), 1);
	expect_status(&rig, af_process_wait(older, NULL), EXITED(7));
	expect_status(&rig, af_process_wait(newer, NULL), EXITED(8));
	af_process_free(older);
	af_process_free(newer);
	rig_close(&rig);
}
END_TEST

START_TEST(status_that_is_known_stays)
{
	struct af_process *process;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "7"), NULL);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	ck_assert_int_eq(af_process_set_status(process, EXITED(8)), 0);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	af_process_free(process);
	/* A leader that the program took from under us. */
	process = start(&rig, HELPER("exit", "7"), WITH(.new_group = true));
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	if (offers_pidfds())
		ck_assert_int_eq(af_loop_reaped(rig.loop,
						af_process_pid(process),
						EXITED(7)),
				 0);
	ck_assert_int_eq(reap(process), EXITED(7));
	ck_assert_int_eq(
		af_loop_reaped(rig.loop, af_process_pid(process), EXITED(7)),
		1);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(status_of_a_child_whose_process_was_freed_is_taken)
{
	struct af_process *process;
	int status;
	pid_t pid;

	if (!open_old_kernel(_i, _i % 2))
		return;
	process = start_held(&rig);
	pid = af_process_pid(process);
	af_process_free(process);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid, status), 1);
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid, status), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(status_of_a_stage_reaches_the_pipeline)
{
	struct af_pipe *pipe;
	struct af_future *wait;

	if (!open_old_kernel(_i, true))
		return;
	pipe = start_chain(&rig, CHAIN(HELPER("exit", "7"), HELPER("cat")),
			   NULL);
	wait = af_pipe_wait(pipe, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct af_process *stage = af_pipe_process(pipe, i);
		int status = reap(stage);

		ck_assert_int_eq(
			af_loop_reaped(rig.loop, af_process_pid(stage), status),
			1);
	}
	expect_status(&rig, wait, EXITED(7));
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

static int count_line(const struct af_line *line, void *arg)
{
	(void)line;
	++*(int *)arg;
	return 0;
}

/* What a pipeline says is not lost with the status of a stage. */
START_TEST(operations_on_a_pipeline_without_a_status_end)
{
	struct af_future *f;
	struct af_pipe *pipe;
	int lines = 0, status = 0;

	if (!open_old_kernel(_i, true))
		return;
	for (int i = 0; i < 2; i++) {
		pipe = start_chain(
			&rig, CHAIN(HELPER("exit", "7"), HELPER("echo", "x")),
			WITH(.out.kind = AFIO_PIPE));
		reap(af_pipe_process(pipe, 0));
		if (i == 0) {
			f = af_pipe_communicate(pipe, NULL);
			ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, "x\n");
		} else {
			f = af_pipe_each_line(pipe, count_line, &lines);
			ck_assert_int_eq(drive(&rig, f), 0);
			ck_assert_int_eq(lines, 1);
		}
		ck_assert_int_eq(af_future_status(f), -1);
		af_future_unref(f);
		expect_error(&rig, af_pipe_wait(pipe, NULL), -ECHILD);
		ck_assert(af_pipe_poll(pipe, &status));
		ck_assert_int_eq(status, -1);
		af_pipe_close(pipe);
	}
	rig_close(&rig);
}
END_TEST

static void *call_elsewhere(void *arg)
{
	struct af_process *process = arg;

	ck_assert_int_eq(af_process_set_status(process, 0), -EPERM);
	ck_assert_int_eq(af_loop_reaped(rig.loop, 1234, 0), -EPERM);
	return NULL;
}

START_TEST(status_of_nonsense_is_refused)
{
	struct af_process *process;
	pthread_t thread;
	pid_t pid;

	rig_open(&rig, 0);
	process = start_held(&rig);
	pid = af_process_pid(process);
	ck_assert_int_eq(af_process_set_status(NULL, 0), -EINVAL);
	ck_assert_int_eq(af_process_set_status(process, 0x137f), -EINVAL);
	ck_assert_int_eq(af_process_set_status(process, 0xffff), -EINVAL);
	ck_assert_int_eq(af_loop_reaped(NULL, pid, 0), -EINVAL);
	ck_assert_int_eq(af_loop_reaped(rig.loop, 0, 0), -EINVAL);
	ck_assert_int_eq(af_loop_reaped(rig.loop, pid, 0x137f), -EINVAL);
	ck_assert_int_eq(af_loop_reaped(rig.loop, getpid(), 0), 0);
	if (offers_pidfds()) {
		ck_assert_int_eq(af_process_set_status(process, 0), -EBUSY);
		ck_assert_int_eq(af_loop_reaped(rig.loop, pid, 0), 0);
	}
	pthread_create(&thread, NULL, call_elsewhere, process);
	pthread_join(thread, NULL);
	ck_assert(!af_process_poll(process, NULL));
	af_loop_free(rig.loop);
	ck_assert_int_eq(af_process_set_status(process, 0), -ECANCELED);
	rig.loop = NULL;
	af_process_free(process);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("process/hand_over_status");
	TCase *tc = test_case(s, "hand over");

	tcase_add_loop_test(tc, reap_in_a_sigchld_callback_loses_no_status, 0,
			    2 * DRIVE_COUNT);
	tcase_add_loop_test(
		tc, reap_in_a_sigchld_callback_without_pidfds_loses_no_status,
		0, 2 * DRIVE_COUNT);
	ADD(tc, reap_in_a_thread_that_posts_loses_no_status);
	ADD(tc, status_before_the_end_is_noticed_ends_waits);
	ADD(tc, status_after_the_end_is_noticed_ends_waits);
	ADD(tc, status_that_does_not_come_is_echild_and_may_come_later);
	ADD(tc, operations_on_an_end_whose_status_may_come_wait_for_it);
	ADD(tc, change_asked_for_at_once_is_echild_though_the_status_may_come);
	ADD(tc, status_of_a_child_whose_loop_was_freed_is_not_waited_for);
	tcase_add_loop_test(tc, status_of_ignored_children_is_not_waited_for, 0,
			    2 * DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    status_is_that_of_the_oldest_child_with_the_number,
			    0, 2 * DRIVE_COUNT);
	ADD(tc, status_that_is_known_stays);
	ADD(tc, status_of_a_child_whose_process_was_freed_is_taken);
	ADD(tc, status_of_a_stage_reaches_the_pipeline);
	ADD(tc, operations_on_a_pipeline_without_a_status_end);
	tcase_add_loop_test(tc,
			    status_handed_over_during_the_start_is_the_childs, 0,
			    2 * DRIVE_COUNT);
	ADD(tc, status_handed_over_during_the_start_of_a_live_child_is_not_its);
	ADD(tc, status_handed_over_during_two_starts_is_that_of_its_own);
	tcase_add_test(tc, status_of_nonsense_is_refused);

	tc = scratch_case(s, "stuck start");
	tcase_add_test(tc, many_statuses_during_a_start_take_little_memory);
	return s;
}
