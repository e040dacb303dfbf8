/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of kill_on_free: what becomes of a child whose process is freed while it
 * lives.
 */
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"

static struct rig rig;

/* Nobody holds the child's end of its output any more. */
static void expect_all_gone(int fd)
{
	char byte;

	ck_assert_int_eq(read(fd, &byte, 1), 0);
	close(fd);
}

/* A mode that only SIGKILL or the end of stdin ends, with stdout to *ret_out. */
static struct af_process *start_lasting(const char *const argv[], bool kill,
					int *ret_out)
{
	struct af_process *process;
	char up[3];
	int out[2];

	make_pair(KIND_PIPE, out);
	process = start(&rig, argv,
			WITH(.in = TO_FD(rig.in), .out = TO_FD(out[1]),
			     .kill_on_free = kill));
	close(out[1]);
	get(out[0], up, 3);
	*ret_out = out[0];
	return process;
}

START_TEST(free_with_it_kills_and_reaps_a_live_child)
{
	struct af_process *process;
	pid_t pid;
	int out;

	rig_open(&rig, _i);
	process = start_lasting(HELPER("defy"), true, &out);
	pid = af_process_pid(process);
	af_process_free(process);
	expect_all_gone(out);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

START_TEST(free_with_it_kills_the_group_of_a_leader)
{
	struct af_process *process;
	pid_t pid;
	int out;

	rig_open(&rig, _i);
	process = start_lasting(HELPER("lead", "brood"), true, &out);
	pid = af_process_pid(process);
	af_process_free(process);
	expect_all_gone(out);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

START_TEST(free_without_it_spares_the_child)
{
	struct af_process *process;
	pid_t pid;
	int out;

	rig_open(&rig, _i);
	process = start_lasting(HELPER("defy"), false, &out);
	pid = af_process_pid(process);
	af_process_free(process);
	ck_assert_int_eq(kill(pid, 0), 0);
	rig_hang_up(&rig);
	expect_all_gone(out);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

START_TEST(free_with_it_of_an_ended_child_is_fine)
{
	struct af_process *process;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("exit", "0"), WITH(.kill_on_free = true));
	expect_exit(&rig, process, 0);
	process = start(&rig, HELPER("exit", "0"), WITH(.kill_on_free = true));
	await_zombie(af_process_pid(process));
	af_process_free(process);
	expect_no_child();
	rig_close(&rig);
}
END_TEST

START_TEST(free_of_the_loop_reaps_what_it_killed)
{
	struct af_process *process;
	int out;

	rig_open(&rig, 0);
	process = start_lasting(HELPER("defy"), true, &out);
	af_process_free(process);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	expect_no_child();
	expect_all_gone(out);
	rig_close(&rig);
}
END_TEST

START_TEST(free_with_it_after_the_loop_kills_and_reaps)
{
	struct af_process *process;
	int out;

	rig_open(&rig, 0);
	process = start_lasting(HELPER("defy"), true, &out);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	af_process_free(process);
	expect_no_child();
	expect_all_gone(out);
	rig_close(&rig);
}
END_TEST

START_TEST(close_of_a_pipeline_with_it_kills_every_stage)
{
	struct af_pipe *pipe;
	pid_t pids[2];

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("defy", "2"), HELPER("pause")),
			   WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE,
				.err.kind = AFIO_PIPE, .kill_on_free = true));
	expect_text(&rig, af_pipe_readline_stderr(pipe, 0, 0, 0, NULL), "up\n",
		    0);
	for (size_t i = 0; i < 2; i++)
		pids[i] = af_process_pid(af_pipe_process(pipe, i));
	af_pipe_close(pipe);
	for (size_t i = 0; i < 2; i++)
		expect_reaped(&rig, pids[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(release_with_it_hands_over_a_live_child)
{
	struct af_process *process;
	pid_t pid;
	int out;

	rig_open(&rig, 0);
	process = start_lasting(HELPER("defy"), true, &out);
	pid = take_over(process, NULL, NULL);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	rig_hang_up(&rig);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(out);
	rig_close(&rig);
}
END_TEST

/* Against the rules: but the parent must not pay for it. Index: who frees. */
START_TEST(free_with_it_in_a_copy_of_the_program_kills_nobody)
{
	struct af_process *process;
	int out, status;
	pid_t copy;

	rig_open(&rig, 0);
	process = start_lasting(HELPER("defy"), true, &out);
	copy = fork();
	if (copy == 0) {
		af_process_free(process);
		if (_i)
			af_loop_free(rig.loop);
		_exit(3);
	}
	ck_assert_int_eq(waitpid(copy, &status, 0), copy);
	ck_assert_int_eq(status, EXITED(3));
	ck_assert_int_eq(kill(af_process_pid(process), 0), 0);
	expect_error(&rig, af_process_wait(process, MS(20)), -ETIMEDOUT);
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	close(out);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("process/kill_on_free");
	TCase *tc = test_case(s, "kill on free");

	ADD(tc, free_with_it_kills_and_reaps_a_live_child);
	ADD(tc, free_with_it_kills_the_group_of_a_leader);
	ADD(tc, free_without_it_spares_the_child);
	ADD(tc, free_with_it_of_an_ended_child_is_fine);
	tcase_add_test(tc, free_of_the_loop_reaps_what_it_killed);
	tcase_add_test(tc, free_with_it_after_the_loop_kills_and_reaps);
	ADD(tc, close_of_a_pipeline_with_it_kills_every_stage);
	tcase_add_test(tc, release_with_it_hands_over_a_live_child);
	tcase_add_loop_test(
		tc, free_with_it_in_a_copy_of_the_program_kills_nobody, 0, 2);
	return s;
}
