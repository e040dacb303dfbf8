/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of children that are traced, by the program or by another process: a
 * stop is not an end, the tracer keeps its notices, and a tracer that holds a
 * child at its end wakes nobody.
 */
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/children.h"
#include "support/denied.h"

/* Most tests run once for each driver, without and with a group of its own. */
#define EVERY (2 * DRIVE_COUNT)

static struct rig rig;
static struct af_process *process;

/* False: tracing is forbidden here. */
static bool traced(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0)
		return true;
	fprintf(stderr, "skipped: no ptrace: %s\n", strerror(errno));
	return false;
}

static void start_child(int i)
{
	rig_open(&rig, i % DRIVE_COUNT);
	process = start(
		&rig, HELPER("hold", "0"),
		WITH(.in = TO_FD(rig.in), .new_group = i / DRIVE_COUNT == 1));
}

static void close_child(void)
{
	af_process_free(process);
	rig_close(&rig);
}

/* Has it stop, with a notice of that; false: not possible here. */
static bool trap(void)
{
	pid_t pid = af_process_pid(process);

	if (!traced(pid)) {
		rig_hang_up(&rig);
		await_zombie(pid);
		return false;
	}
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	await_change(pid, WSTOPPED | WNOWAIT);
	return true;
}

/* The notice is there, and is the tracer's. */
static void expect_notice(void)
{
	pid_t pid = af_process_pid(process);
	siginfo_t info = { 0 };

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG),
			 0);
	ck_assert_int_eq(info.si_pid, pid);
	ck_assert_int_eq(info.si_code, CLD_TRAPPED);
}

START_TEST(stop_of_a_child_that_we_trace_is_no_end)
{
	start_child(_i);
	if (trap()) {
		ck_assert(!af_process_poll(process, NULL));
		expect_error(&rig, af_process_wait(process, MS(0)), -ETIMEDOUT);
		expect_error(&rig, af_process_wait(process, MS(20)),
			     -ETIMEDOUT);
		expect_error(&rig, af_process_wait_change(process, MS(20)),
			     -ETIMEDOUT);
		ck_assert_int_eq(af_process_signal(process, 0), 0);
		expect_notice();
		expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	}
	close_child();
}
END_TEST

START_TEST(free_of_a_child_that_we_trace_takes_no_notice)
{
	pid_t pid;

	start_child(_i);
	pid = af_process_pid(process);
	if (trap()) {
		af_process_free(process);
		turn(&rig);
		ck_assert_int_eq(kill(pid, 0), 0);
		await_change(pid, WSTOPPED);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		expect_reaped(&rig, pid);
		process = NULL;
	}
	close_child();
}
END_TEST

START_TEST(stop_of_a_child_that_we_trace_without_pidfds_is_no_end)
{
	static const struct denied pidfds[] = { DENIED_PIDFDS };

	if (!deny(pidfds, 2, EPERM))
		return;
	start_child(_i);
	if (trap()) {
		expect_error(&rig, af_process_wait(process, MS(20)),
			     -ETIMEDOUT);
		expect_notice();
		expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	}
	close_child();
}
END_TEST

/* A process that traces it until out ends; 0: that is not possible here. */
static pid_t start_tracer(pid_t pid, int out[2])
{
	pid_t tracer;
	int up[2];
	char byte = 0;

	ck_assert_int_eq(pipe(up), 0);
	ck_assert_int_eq(pipe(out), 0);
	tracer = fork();
	if (tracer == 0) {
		close(out[1]);
		byte = traced(pid) ? '+' : '-';
		put(up[1], &byte, 1);
		byte = (char)read(out[0], &byte, 1);
		_exit(0);
	}
	get(up[0], &byte, 1);
	close(up[0]);
	close(up[1]);
	close(out[0]);
	if (byte == '+')
		return tracer;
	close(out[1]);
	waitpid(tracer, NULL, 0);
	return 0;
}

static int64_t used_us(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

START_TEST(end_held_by_a_tracer_is_reported_later_and_nothing_spins)
{
	int out[2];
	pid_t tracer;
	int64_t used;

	start_child(_i);
	tracer = start_tracer(af_process_pid(process), out);
	if (tracer) {
		ck_assert_int_eq(af_process_signal(process, SIGKILL), 0);
		used = used_us();
		expect_error(&rig, af_process_wait(process, MS(400)),
			     -ETIMEDOUT);
		ck_assert_int_lt(used_us() - used, 120000);
		ck_assert(!af_process_poll(process, NULL));
		close(out[1]);
		expect_status(&rig, af_process_wait(process, NULL), SIGKILL);
		ck_assert_int_eq(waitpid(tracer, NULL, 0), tracer);
	} else {
		rig_hang_up(&rig);
		await_zombie(af_process_pid(process));
	}
	close_child();
}
END_TEST

/* The loop does not wait for ever, and leaves the child to the program. */
START_TEST(loop_freed_while_a_tracer_holds_a_killed_child_returns)
{
	int out[2];
	pid_t pid, tracer;
	int64_t since = now_us();

	rig_open(&rig, 0);
	process = start(&rig, HELPER("hold", "0"),
			WITH(.in = TO_FD(rig.in), .kill_on_free = true));
	pid = af_process_pid(process);
	tracer = start_tracer(pid, out);
	af_process_free(process);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	if (tracer) {
		expect_elapsed(since, 900);
		close(out[1]);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		ck_assert_int_eq(waitpid(tracer, NULL, 0), tracer);
	}
	rig_close(&rig);
}
END_TEST

/*
 * A tracer: says whether it may be one, then that the child has ended, and keeps
 * the status to itself until it is let go.
 */
static pid_t start_told_tracer(pid_t child, int told, int let_go)
{
	pid_t pid = fork();
	siginfo_t info;
	char byte;

	if (pid != 0)
		return pid;
	close(rig.out);
	if (ptrace(PTRACE_SEIZE, child, 0, 0) < 0) {
		put(told, "n", 1);
		_exit(0);
	}
	put(told, "y", 1);
	if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) < 0)
		_exit(1);
	put(told, "e", 1);
	get(let_go, &byte, 1);
	_exit(0);
}

/* The pidfd is ready when the tracer knows of the end, too early for us. */
START_TEST(wait_for_traced_child_ends_when_its_tracer_lets_go)
{
	/* LeakSanitizer would end the helper, as it cannot trace it, too. */
	const char *const cat[] = { "cat", NULL };
	int told[2], let_go[2], status;
	struct af_future *f;
	pid_t tracer;
	char answer;

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, told);
	make_pair(KIND_PIPE, let_go);
	process = start(&rig, cat,
			WITH(.in = TO_FD(rig.in), .out.kind = AFIO_NULL));
	tracer = start_told_tracer(af_process_pid(process), told[1], let_go[0]);
	get(told[0], &answer, 1);
	f = af_process_wait(process, NULL);
	rig_hang_up(&rig);
	if (answer == 'y') {
		get(told[0], &answer, 1);
		expect_error(&rig, af_process_wait(process, MS(10)),
			     -ETIMEDOUT);
		/* Where no event would report it any more. */
		expect_error(&rig, af_process_wait(process, MS(10)),
			     -ETIMEDOUT);
		ck_assert(!af_process_poll(process, NULL));
		ck_assert(!af_future_is_done(f));
	} else {
		fprintf(stderr, "skipped: no child may be traced here\n");
	}
	put_text(let_go[1], "x");
	expect_status(&rig, f, EXITED(0));
	ck_assert_int_eq(waitpid(tracer, &status, 0), tracer);
	ck_assert_int_eq(status, 0);
	af_process_free(process);
	for (int i = 0; i < 2; i++) {
		close(told[i]);
		close(let_go[i]);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/traced");
	TCase *tc = test_case(s, "by us");

	tcase_add_loop_test(tc, stop_of_a_child_that_we_trace_is_no_end, 0,
			    EVERY);
	tcase_add_loop_test(tc, free_of_a_child_that_we_trace_takes_no_notice,
			    0, EVERY);
	tcase_add_loop_test(
		tc, stop_of_a_child_that_we_trace_without_pidfds_is_no_end, 0,
		EVERY);

	tc = test_case(s, "by another");
	tcase_add_loop_test(
		tc, end_held_by_a_tracer_is_reported_later_and_nothing_spins, 0,
		EVERY);
	tcase_add_test(tc,
		       loop_freed_while_a_tracer_holds_a_killed_child_returns);
	tcase_add_loop_test(tc,
			    wait_for_traced_child_ends_when_its_tracer_lets_go,
			    0, DRIVE_COUNT);
	return s;
}
