/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_pipe_signal() and af_pipe_signal_group(): which stages get it.
 */
#include <unistd.h>

#include "support/children.h"

static struct af_pipe *start_three(struct rig *rig, bool new_group)
{
	return start_chain(
		rig, CHAIN(HELPER("pause"), HELPER("pause"), HELPER("pause")),
		WITH(.new_group = new_group));
}

static void expect_each_status(struct af_pipe *pipe, int status)
{
	for (size_t i = 0; i < af_pipe_stages(pipe); i++)
		ck_assert_int_eq(af_pipe_status(pipe, i), status);
}

START_TEST(signal_goes_to_every_stage)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_three(&rig, false);
	ck_assert_int_eq(af_pipe_signal(pipe, 0), 0);
	ck_assert_int_eq(af_pipe_signal(pipe, SIGTERM), 0);
	expect_status(&rig, af_pipe_wait(pipe, NULL), SIGTERM);
	expect_each_status(pipe, SIGTERM);
	ck_assert_int_eq(af_pipe_signal(pipe, SIGTERM), -ESRCH);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* Some are reaped already, and the rest gets it. */
START_TEST(signal_goes_to_the_stages_that_are_left)
{
	struct af_process *middle;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_three(&rig, false);
	middle = af_pipe_process(pipe, 1);
	ck_assert_int_eq(af_process_signal(middle, SIGKILL), 0);
	expect_status(&rig, af_process_wait(middle, NULL), SIGKILL);
	ck_assert_int_eq(af_pipe_signal(pipe, SIGTERM), 0);
	expect_status(&rig, af_pipe_wait(pipe, NULL), SIGTERM);
	ck_assert_int_eq(af_pipe_status(pipe, 0), SIGTERM);
	ck_assert_int_eq(af_pipe_status(pipe, 1), SIGKILL);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(signal_group_goes_to_the_group_of_all)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_three(&rig, true);
	ck_assert_int_eq(af_pipe_signal_group(pipe, SIGTERM), 0);
	expect_status(&rig, af_pipe_wait(pipe, NULL), SIGTERM);
	expect_each_status(pipe, SIGTERM);
	af_pipe_close(pipe);

	/* It outlives its leader. */
	pipe = start_three(&rig, true);
	ck_assert_int_eq(af_process_signal(af_pipe_process(pipe, 0), SIGKILL),
			 0);
	expect_status(&rig, af_process_wait(af_pipe_process(pipe, 0), NULL),
		      SIGKILL);
	ck_assert_int_eq(af_pipe_signal_group(pipe, SIGTERM), 0);
	expect_status(&rig, af_pipe_wait(pipe, NULL), SIGTERM);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(signal_group_goes_to_each_session)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("pause"), HELPER("pause")),
			   WITH(.new_session = true));
	ck_assert_int_eq(af_pipe_signal_group(pipe, SIGTERM), 0);
	expect_status(&rig, af_pipe_wait(pipe, NULL), SIGTERM);
	expect_each_status(pipe, SIGTERM);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(signal_of_nonsense_is_refused)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, 0);
	pipe = start_three(&rig, false);
	ck_assert_int_eq(af_pipe_signal(NULL, SIGTERM), -EINVAL);
	ck_assert_int_eq(af_pipe_signal_group(NULL, SIGTERM), -EINVAL);
	ck_assert_int_eq(af_pipe_signal(pipe, 12345), -EINVAL);
	ck_assert_int_eq(af_pipe_signal_group(pipe, SIGTERM), -ESRCH);
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/signal");
	TCase *tc = test_case(s, "signal");

	tcase_add_loop_test(tc, signal_goes_to_every_stage, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, signal_goes_to_the_stages_that_are_left, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, signal_group_goes_to_the_group_of_all, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, signal_group_goes_to_each_session, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, signal_of_nonsense_is_refused);
	return s;
}
