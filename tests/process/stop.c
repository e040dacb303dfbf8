/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of stopping: a process, the group that it leads, a chain.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/children.h"
#include "support/contexts.h"

/* Most tests run once for each driver: _i is the way of the rig. */

/* Longer than any test takes: whoever gets that far was not stopped. */
#define LONG MS(600000)

static struct rig rig;
static struct af_process *process;

static void open_held(int way)
{
	rig_open(&rig, way);
	process = start_held(&rig);
}

static void open_up(int way, const char *const argv[])
{
	rig_open(&rig, way);
	process = start_up(&rig, argv);
}

static void close_child(void)
{
	af_process_free(process);
	rig_close(&rig);
}

static struct af_future *reading_line(void)
{
	return af_file_readline(af_process_stdout(process), 0, 0, 0, NULL);
}

static void expect_output_ends(void)
{
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
}

START_TEST(stop_child_that_obeys_ends_it_by_sigterm)
{
	open_held(_i);
	expect_status(&rig, af_process_stop(process, LONG), SIGTERM);
	ck_assert(af_process_poll(process, NULL));
	close_child();
}
END_TEST

START_TEST(stop_child_that_defies_kills_it_after_the_grace)
{
	struct af_future *stop;
	int64_t since;

	open_up(_i, HELPER("defy"));
	since = now_us();
	/* Time enough for it to say so, also on a busy machine. */
	stop = af_process_stop(process, MS(500));
	expect_text(&rig, reading_line(), "term\n", 0);
	expect_status(&rig, stop, SIGKILL);
	expect_elapsed(since, 500);
	close_child();
}
END_TEST

START_TEST(stop_with_zero_grace_kills_at_once)
{
	open_up(_i, HELPER("defy"));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	expect_output_ends();
	close_child();
}
END_TEST

START_TEST(stop_without_grace_waits_for_its_end)
{
	struct af_future *stop;

	open_up(_i, HELPER("defy"));
	stop = af_process_stop(process, NULL);
	expect_text(&rig, reading_line(), "term\n", 0);
	ck_assert(!af_future_is_done(stop));
	rig_hang_up(&rig);
	expect_status(&rig, stop, EXITED(0));
	close_child();
}
END_TEST

START_TEST(stop_child_that_is_stopped_continues_it)
{
	open_held(_i);
	ck_assert_int_eq(af_process_signal(process, SIGSTOP), 0);
	await_stopped(af_process_pid(process));
	expect_status(&rig, af_process_stop(process, NULL), SIGTERM);
	close_child();
}
END_TEST

START_TEST(stop_child_that_is_stopped_with_zero_grace_kills_it)
{
	open_held(_i);
	ck_assert_int_eq(af_process_signal(process, SIGSTOP), 0);
	await_stopped(af_process_pid(process));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	close_child();
}
END_TEST

START_TEST(stop_ended_child_is_done_at_once)
{
	struct af_future *stop;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "3"), NULL);
	await_zombie(af_process_pid(process));
	for (int i = 0; i < 2; i++) { /* not seen before, and seen */
		stop = af_process_stop(process, i ? NULL : LONG);
		ck_assert(af_future_is_done(stop));
		expect_status(&rig, stop, EXITED(3));
	}
	close_child();
}
END_TEST

START_TEST(stop_canceled_sends_nothing_more)
{
	struct af_future *stop;

	open_up(_i, HELPER("defy"));
	stop = af_process_stop(process, MS(20));
	af_future_cancel(stop);
	expect_error(&rig, stop, -ECANCELED);
	expect_text(&rig, reading_line(), "term\n", 0);
	expect_count(&rig, af_sleep(rig.loop, MS(60)), 0, 0);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(stop_twice_ends_both)
{
	struct af_future *patient, *hasty, *wait;

	open_up(_i, HELPER("defy"));
	wait = af_process_wait(process, NULL);
	patient = af_process_stop(process, LONG);
	hasty = af_process_stop(process, MS(20));
	expect_status(&rig, patient, SIGKILL);
	expect_status(&rig, hasty, SIGKILL);
	expect_status(&rig, wait, SIGKILL);
	close_child();
}
END_TEST

START_TEST(stop_of_nonsense_is_invalid)
{
	open_held(0);
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
	struct af_future *stop;
	pid_t pid;

	open_up(_i, HELPER("defy"));
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
	close_child();
}
END_TEST

/* Groups. A brood's younger member only SIGKILL ends, or the end of stdin. */

START_TEST(stop_leader_kills_who_is_left_of_its_group)
{
	open_up(_i, HELPER("lead", "brood"));
	expect_status(&rig, af_process_stop(process, LONG), SIGTERM);
	expect_output_ends();
	close_child();
}
END_TEST

START_TEST(stop_leader_with_zero_grace_kills_its_group)
{
	open_up(_i, HELPER("lead", "brood"));
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	expect_output_ends();
	close_child();
}
END_TEST

/* What is written to the one that is left comes back. */
static void expect_one_is_left(void)
{
	put_text(rig.out, "alive\n");
	expect_text(&rig, reading_line(), "alive\n", 0);
}

START_TEST(stop_leader_without_grace_spares_who_is_left)
{
	open_up(_i, HELPER("lead", "brood"));
	expect_status(&rig, af_process_stop(process, NULL), SIGTERM);
	expect_one_is_left();
	rig_hang_up(&rig);
	expect_output_ends();
	close_child();
}
END_TEST

START_TEST(stop_ended_leader_kills_who_is_left)
{
	open_up(_i, HELPER("lead", "brood"));
	ck_assert_int_eq(af_process_signal(process, SIGTERM), 0);
	expect_status(&rig, af_process_wait(process, NULL), SIGTERM);
	expect_one_is_left();
	expect_status(&rig, af_process_stop(process, NULL), SIGTERM);
	expect_one_is_left();
	expect_status(&rig, af_process_stop(process, LONG), SIGTERM);
	expect_output_ends();
	close_child();
}
END_TEST

START_TEST(stop_child_that_leads_none_spares_the_others)
{
	open_up(_i, HELPER("brood"));
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	expect_status(&rig, af_process_stop(process, LONG), SIGTERM);
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), -ESRCH);
	expect_one_is_left();
	rig_hang_up(&rig);
	expect_output_ends();
	close_child();
}
END_TEST

START_TEST(signal_group_reaches_all_of_it_also_after_the_leader)
{
	open_up(_i, HELPER("lead", "brood"));
	ck_assert_int_eq(af_process_signal_group(process, 12345), -EINVAL);
	ck_assert_int_eq(af_process_signal_group(process, SIGTERM), 0);
	expect_status(&rig, af_process_wait(process, NULL), SIGTERM);
	expect_one_is_left();
	ck_assert_int_eq(af_process_signal(process, SIGKILL), -ESRCH);
	ck_assert_int_eq(af_process_signal_group(process, SIGKILL), 0);
	expect_output_ends();
	close_child();
}
END_TEST

/* Else its number, the group's, could become another's. */
START_TEST(ended_leader_is_a_zombie_until_it_is_freed)
{
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
static struct af_pipe *start_stages(int defies)
{
	const char *const *const obey = HELPER("pause");
	const char *const *const defy = HELPER("defy", "2");
	struct af_pipe *pipe = start_chain(
		&rig,
		CHAIN(defies == 0 ? defy : obey, defies == 1 ? defy : obey,
		      defies == 2 ? defy : obey),
		WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE,
		     .err.kind = AFIO_PIPE));

	expect_text(&rig, af_pipe_readline_stderr(pipe, 0, 0, 0, NULL), "up\n",
		    0);
	return pipe;
}

START_TEST(stop_chain_tells_every_stage_at_once)
{
	int defies = _i / DRIVE_COUNT;
	struct af_future *stop;
	struct af_pipe *pipe;

	rig_open(&rig, _i % DRIVE_COUNT);
	pipe = start_stages(defies);
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

	rig_open(&rig, _i);
	pipe = start_stages(0);
	expect_status(&rig, af_pipe_stop(pipe, MS(200)), SIGTERM);
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

	rig_open(&rig, _i);
	pipe = start_stages(0);
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
	struct af_future *f;

	process = af_spawn(stage->loop, HELPER("defy"), WITH(IN_OUT_PIPES));
	ck_assert_ptr_nonnull(process);
	f = reading_line();
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
	struct rusage usage;

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
	close_child();
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("process/stop");
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
