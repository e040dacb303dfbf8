/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of stopping: a process, the group that it leads, a chain.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "children.h"
#include "contexts.h"

/* Most tests run once for each driver: _i is the way of the rig. */

/* Longer than any test takes: whoever gets that far was not stopped. */
#define LONG MS(600000)

/* A child that lives until rig->out is hung up. */
static struct af_process *start_held(struct rig *rig)
{
	return start(rig, HELPER("hold", "0"), WITH(.in = TO_FD(rig->in)));
}

/* The same, but its output is read; it is up and running. */
static struct af_process *start_up(struct rig *rig, const char *const argv[])
{
	struct af_process *process = start(
		rig, argv, WITH(.in = TO_FD(rig->in), .out.kind = AFIO_PIPE));

	expect_text(rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "up\n", 0);
	return process;
}

static void expect_output_ends(struct rig *rig, struct af_process *process)
{
	expect_text(rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
}

static void expect_says_term(struct rig *rig, struct af_process *process)
{
	expect_text(rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "term\n", 0);
}

START_TEST(stop_child_that_obeys_ends_it_by_sigterm)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_held(&rig);
	expect_status(&rig, af_process_stop(process, LONG), SIGTERM);
	ck_assert(af_process_poll(process, NULL));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_child_that_defies_kills_it_after_the_grace)
{
	struct af_process *process;
	struct af_future *stop;
	struct rig rig;
	int64_t since;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("defy"));
	since = now_us();
	stop = af_process_stop(process, MS(50));
	expect_says_term(&rig, process);
	expect_status(&rig, stop, SIGKILL);
	expect_elapsed(since, 50);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_with_zero_grace_kills_at_once)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("defy"));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	expect_output_ends(&rig, process);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_without_grace_waits_for_its_end)
{
	struct af_process *process;
	struct af_future *stop;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("defy"));
	stop = af_process_stop(process, NULL);
	expect_says_term(&rig, process);
	ck_assert(!af_future_is_done(stop));
	rig_hang_up(&rig);
	expect_status(&rig, stop, EXITED(0));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_child_that_is_stopped_continues_it)
{
	struct af_process *process;
	struct rig rig;
	siginfo_t info;

	rig_open(&rig, _i);
	process = start_held(&rig);
	ck_assert_int_eq(af_process_signal(process, SIGSTOP), 0);
	ck_assert_int_eq(
		waitid(P_PID, (id_t)af_process_pid(process), &info, WSTOPPED),
		0);
	expect_status(&rig, af_process_stop(process, NULL), SIGTERM);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_child_that_is_stopped_with_zero_grace_kills_it)
{
	struct af_process *process;
	struct rig rig;
	siginfo_t info;

	rig_open(&rig, _i);
	process = start_held(&rig);
	ck_assert_int_eq(af_process_signal(process, SIGSTOP), 0);
	ck_assert_int_eq(
		waitid(P_PID, (id_t)af_process_pid(process), &info, WSTOPPED),
		0);
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_ended_child_is_done_at_once)
{
	struct af_process *process;
	struct af_future *stop;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "3"), NULL);
	await_zombie(af_process_pid(process));
	for (int i = 0; i < 2; i++) { /* not seen before, and seen */
		stop = af_process_stop(process, i ? NULL : LONG);
		ck_assert(af_future_is_done(stop));
		expect_status(&rig, stop, EXITED(3));
	}
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_canceled_sends_nothing_more)
{
	struct af_process *process;
	struct af_future *stop;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("defy"));
	stop = af_process_stop(process, MS(20));
	af_future_cancel(stop);
	expect_error(&rig, stop, -ECANCELED);
	expect_says_term(&rig, process);
	expect_count(&rig, af_sleep(rig.loop, MS(60)), 0, 0);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_twice_ends_both)
{
	struct af_process *process;
	struct af_future *patient, *hasty, *wait;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("defy"));
	wait = af_process_wait(process, NULL);
	patient = af_process_stop(process, LONG);
	hasty = af_process_stop(process, MS(20));
	expect_status(&rig, patient, SIGKILL);
	expect_status(&rig, hasty, SIGKILL);
	expect_status(&rig, wait, SIGKILL);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_of_nonsense_is_invalid)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	process = start_held(&rig);
	expect_error(&rig, af_process_stop(NULL, NULL), -EINVAL);
	expect_error(&rig, af_process_stop(process, MS(-1)), -EINVAL);
	expect_error(&rig, af_pipe_stop(NULL, NULL), -EINVAL);
	ck_assert_int_eq(af_process_signal_group(NULL, SIGTERM), -EINVAL);
	ck_assert_int_eq(af_process_usage(NULL, NULL), -EINVAL);
	ck_assert(!af_process_poll(process, NULL));
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_when_the_loop_is_freed_is_canceled)
{
	struct af_process *process;
	struct af_future *stop;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("defy"));
	pid = af_process_pid(process);
	stop = af_process_stop(process, LONG);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(stop), -ECANCELED);
	af_future_unref(stop);
	stop = af_process_stop(process, MS(0));
	ck_assert_int_eq(af_future_error(stop), -ECANCELED);
	af_future_unref(stop);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* Groups. A brood's younger member only SIGKILL ends, or the end of stdin. */

START_TEST(stop_leader_kills_who_is_left_of_its_group)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("lead", "brood"));
	expect_status(&rig, af_process_stop(process, LONG), SIGTERM);
	expect_output_ends(&rig, process);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_leader_with_zero_grace_kills_its_group)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("lead", "brood"));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	expect_output_ends(&rig, process);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* What is written to the one that is left comes back. */
static void expect_one_is_left(struct rig *rig, struct af_process *process)
{
	put_text(rig->out, "alive\n");
	expect_text(rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "alive\n", 0);
}

START_TEST(stop_leader_without_grace_spares_who_is_left)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("lead", "brood"));
	expect_status(&rig, af_process_stop(process, NULL), SIGTERM);
	expect_one_is_left(&rig, process);
	rig_hang_up(&rig);
	expect_output_ends(&rig, process);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_ended_leader_kills_who_is_left)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("lead", "brood"));
	ck_assert_int_eq(af_process_signal(process, SIGTERM), 0);
	expect_status(&rig, af_process_wait(process, NULL), SIGTERM);
	expect_one_is_left(&rig, process);
	expect_status(&rig, af_process_stop(process, NULL), SIGTERM);
	expect_one_is_left(&rig, process);
	expect_status(&rig, af_process_stop(process, LONG), SIGTERM);
	expect_output_ends(&rig, process);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_child_that_leads_none_spares_the_others)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("brood"));
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	expect_status(&rig, af_process_stop(process, LONG), SIGTERM);
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	expect_one_is_left(&rig, process);
	rig_hang_up(&rig);
	expect_output_ends(&rig, process);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(signal_group_reaches_all_of_it_also_after_the_leader)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start_up(&rig, HELPER("lead", "brood"));
	ck_assert_int_eq(af_process_signal_group(process, 12345), -EINVAL);
	ck_assert_int_eq(af_process_signal_group(process, SIGTERM), 0);
	expect_status(&rig, af_process_wait(process, NULL), SIGTERM);
	expect_one_is_left(&rig, process);
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), 0);
	expect_output_ends(&rig, process);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* Else its number, the group's, could become another's. */
START_TEST(ended_leader_is_a_zombie_until_it_is_freed)
{
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("lead", "exit", "3"), NULL);
	pid = af_process_pid(process);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(3));
	ck_assert_int_eq(getpgid(pid), pid);
	ck_assert(af_process_poll(process, NULL));
	af_process_free(process);
	expect_no_child();
	process = start(&rig, HELPER("lead", "hold", "0"),
			WITH(.in = TO_FD(rig.in)));
	pid = af_process_pid(process);
	af_process_free(process);
	rig_hang_up(&rig);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

/* Chains */

/* Three stages, of which one defies; that is up and running. */
static struct af_pipe *start_stages(struct rig *rig, int defies)
{
	const char *const *const obey = HELPER("pause");
	const char *const *const defy = HELPER("defy", "2");
	struct af_pipe *pipe = start_chain(
		rig,
		CHAIN(defies == 0 ? defy : obey, defies == 1 ? defy : obey,
		      defies == 2 ? defy : obey),
		WITH(.in = TO_FD(rig->in), .out.kind = AFIO_PIPE,
		     .err.kind = AFIO_PIPE));

	expect_text(rig, af_pipe_readline_stderr(pipe, 0, 0, 0, NULL), "up\n",
		    0);
	return pipe;
}

START_TEST(stop_chain_tells_every_stage_at_once)
{
	int defies = _i / DRIVE_COUNT;
	struct af_future *stop;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i % DRIVE_COUNT);
	pipe = start_stages(&rig, defies);
	stop = af_pipe_stop(pipe, NULL);
	for (int i = 0; i < 3; i++)
		if (i != defies)
			expect_status(
				&rig,
				af_process_wait(
					af_pipe_process(pipe, (size_t)i), NULL),
				SIGTERM);
	/* The first lives on; another's input has ended with the one before. */
	if (defies == 0)
		ck_assert(!af_future_is_done(stop));
	rig_hang_up(&rig);
	expect_status(&rig, stop, SIGTERM);
	ck_assert_int_eq(af_pipe_status(pipe, (size_t)defies), EXITED(0));
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_chain_kills_who_defies_after_the_grace)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_stages(&rig, 0);
	expect_status(&rig, af_pipe_stop(pipe, MS(20)), SIGTERM);
	ck_assert_int_eq(af_pipe_status(pipe, 0), SIGKILL);
	ck_assert_int_eq(af_pipe_status(pipe, 1), SIGTERM);
	ck_assert_int_eq(af_pipe_status(pipe, 2), SIGTERM);
	expect_status(&rig, af_pipe_stop(pipe, LONG), SIGTERM);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_chain_kills_who_is_left_of_its_groups)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig,
			   CHAIN(HELPER("lead", "pause"), HELPER("pause"),
				 HELPER("lead", "brood")),
			   WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE));
	expect_text(&rig, af_pipe_readline(pipe, 0, 0, 0, NULL), "up\n", 0);
	expect_status(&rig, af_pipe_stop(pipe, LONG), SIGTERM);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "", AFIO_EOF);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_chain_canceled_sends_nothing_more)
{
	struct af_future *stop;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_stages(&rig, 0);
	stop = af_pipe_stop(pipe, MS(20));
	af_future_cancel(stop);
	expect_error(&rig, stop, -ECANCELED);
	expect_count(&rig, af_sleep(rig.loop, MS(60)), 0, 0);
	ck_assert(!af_process_poll(af_pipe_process(pipe, 0), NULL));
	stop = af_pipe_stop(pipe, LONG);
	rig_hang_up(&rig);
	expect_status(&rig, stop, SIGTERM);
	ck_assert_int_eq(af_pipe_status(pipe, 0), EXITED(0));
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* From wherever a program waits */

static void stop_here(void *arg)
{
	struct stage *stage = arg;
	struct af_process *process =
		af_spawn(stage->loop, HELPER("defy"), WITH(IN_OUT_PIPES));
	struct af_future *f;

	ck_assert_ptr_nonnull(process);
	f = af_file_readline(af_process_stdout(process), 0, 0, 0, NULL);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	f = af_process_stop(process, MS(20));
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_future_status(f), SIGKILL);
	af_future_unref(f);
	af_process_free(process);
}

START_TEST(stop_awaited_anywhere_ends_the_child)
{
	struct stage stage;

	stage_open(&stage, (enum context)_i);
	stage_play(&stage, stop_here, &stage);
	stage_close(&stage);
}
END_TEST

/* Usage */

START_TEST(usage_of_a_child_is_known_when_its_end_was_seen)
{
	struct af_process *process;
	struct rusage usage;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("busy", "30"), NULL);
	ck_assert_int_eq(af_process_usage(process, &usage), -EINPROGRESS);
	ck_assert_int_eq(af_process_usage(process, NULL), -EINVAL);
	expect_status(&rig, af_process_wait(process, NULL), 0);
	ck_assert_int_eq(af_process_usage(process, &usage), 0);
	ck_assert_int_ge(usage.ru_utime.tv_sec * 1000000 +
				 usage.ru_utime.tv_usec +
				 usage.ru_stime.tv_sec * 1000000 +
				 usage.ru_stime.tv_usec,
			 29000);
	ck_assert_int_gt(usage.ru_maxrss, 0);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("stop");
	TCase *tc = test_case(s, "child");

	ADD(tc, stop_child_that_obeys_ends_it_by_sigterm);
	ADD(tc, stop_child_that_defies_kills_it_after_the_grace);
	ADD(tc, stop_with_zero_grace_kills_at_once);
	ADD(tc, stop_without_grace_waits_for_its_end);
	ADD(tc, stop_child_that_is_stopped_continues_it);
	ADD(tc, stop_child_that_is_stopped_with_zero_grace_kills_it);
	ADD(tc, stop_ended_child_is_done_at_once);
	ADD(tc, stop_canceled_sends_nothing_more);
	ADD(tc, stop_twice_ends_both);
	tcase_add_test(tc, stop_of_nonsense_is_invalid);
	ADD(tc, stop_when_the_loop_is_freed_is_canceled);
	tcase_add_loop_test(tc, stop_awaited_anywhere_ends_the_child, 0,
			    CONTEXT_COUNT);
	ADD(tc, usage_of_a_child_is_known_when_its_end_was_seen);

	tc = test_case(s, "group");
	ADD(tc, stop_leader_kills_who_is_left_of_its_group);
	ADD(tc, stop_leader_with_zero_grace_kills_its_group);
	ADD(tc, stop_leader_without_grace_spares_who_is_left);
	ADD(tc, stop_ended_leader_kills_who_is_left);
	ADD(tc, stop_child_that_leads_none_spares_the_others);
	ADD(tc, signal_group_reaches_all_of_it_also_after_the_leader);
	ADD(tc, ended_leader_is_a_zombie_until_it_is_freed);

	tc = test_case(s, "chain");
	tcase_add_loop_test(tc, stop_chain_tells_every_stage_at_once, 0,
			    3 * DRIVE_COUNT);
	ADD(tc, stop_chain_kills_who_defies_after_the_grace);
	ADD(tc, stop_chain_kills_who_is_left_of_its_groups);
	ADD(tc, stop_chain_canceled_sends_nothing_more);
	return s;
}
