/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_pipe_spawn_stages(), whose stages have options of their own, and
 * of af_pipe_from(), a pipeline of processes that exist.
 */
#include <unistd.h>

#include "support/inside.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define STAGES(...) ((const struct af_stage[]){ __VA_ARGS__ })

static struct rig rig;

static struct af_pipe *start_stages(const struct af_stage *stages, size_t n,
				    const struct af_spawn_options *ends)
{
	struct af_pipe *pipe = af_pipe_spawn_stages(rig.loop, stages, n, ends);

	ck_assert_msg(pipe, "%s", af_spawn_error(rig.loop));
	ck_assert_uint_eq(af_pipe_stages(pipe), n);
	return pipe;
}

/* They take the place of all those of the ends. */
START_TEST(stage_has_its_own_attributes)
{
	const char *const ends_env[] = { "A=ends", NULL };
	struct af_pipe *pipe;
	char here[PATH_MAX + 1];

	rig_open(&rig, _i);
	snprintf(here, sizeof here, "%s\n", directory);
	pipe = start_stages(
		STAGES({ .argv = HELPER("exit", "0") },
		       { .argv = HELPER("cwd"), .options = WITH(.cwd = "/") }),
		2, WITH(.cwd = "/dev", .out.kind = AFIO_PIPE));
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "/\n", AFIO_EOF);
	expect_success(&rig, pipe);

	pipe = start_stages(
		STAGES({ .argv = HELPER("exit", "0") },
		       { .argv = (const char *const[]){ "name", "cwd", NULL },
			 .options = WITH(.program = helper_path()) }),
		2, WITH(.cwd = "/", .env = ends_env, .out.kind = AFIO_PIPE));
	expect_bytes(&rig, af_pipe_readline(pipe, 0, 0, 0, NULL), here,
		     strlen(here), 0);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(stage_has_its_own_stderr)
{
	const struct af_output *output;
	struct af_pipe *pipe;
	struct af_future *f;

	rig_open(&rig, _i);
	pipe = start_stages(
		STAGES({ .argv = HELPER("tag", "a") },
		       { .argv = HELPER("tag", "b"),
			 .options = WITH(.err.kind = AFIO_PIPE) },
		       { .argv = HELPER("tag", "c"),
			 .options = WITH(.err.kind = AFIO_DEFAULT) },
		       { .argv = HELPER("tag", "d"),
			 .options = WITH(.err.kind = AFIO_NULL) }),
		4, WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, HOW(MEMORY("x", 1)));
	output = outcome(&rig, f, 0, 0);
	ck_assert_str_eq(output->out, "x");
	ck_assert(strcmp(output->err, "a\nc\n") == 0 ||
		  strcmp(output->err, "c\na\n") == 0);
	ck_assert_str_eq(af_output_stage(output, 1)->err, "b\n");
	ck_assert_str_eq(af_output_stage(output, 2)->err, "");
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

static pid_t group_of(struct af_pipe *pipe, size_t stage)
{
	return getpgid(af_process_pid(af_pipe_process(pipe, stage)));
}

static pid_t pid_of(struct af_pipe *pipe, size_t stage)
{
	return af_process_pid(af_pipe_process(pipe, stage));
}

/* Its umask is its own, but the file for the stderr of all is not. */
START_TEST(stderr_of_all_is_made_with_the_umask_of_all)
{
	const mode_t own = 077, all = 027;
	struct stat status;

	rig_open(&rig, 0);
	expect_success(
		&rig,
		start_stages(STAGES({ .argv = HELPER("exit", "0"),
				      .options = WITH(.umask = &own) },
				    { .argv = HELPER("exit", "0") }),
			     2,
			     WITH(.umask = &all,
				  .err = { .kind = AFIO_PATH,
					   .path = "errors" })));
	ck_assert_int_eq(stat("errors", &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0640);
	rig_close(&rig);
}
END_TEST

/* A stage that asks for nothing is in the group of all. */
START_TEST(stage_joins_the_group_unless_it_has_its_own)
{
	struct af_pipe *pipe;

	rig_open(&rig, _i);
	pipe = start_stages(
		STAGES({ .argv = HELPER("pause"),
			 .options = WITH(.new_group = true) },
		       { .argv = HELPER("pause") },
		       { .argv = HELPER("pause"), .options = WITH(.cwd = "/") },
		       { .argv = HELPER("pause"),
			 .options = WITH(.new_session = true) },
		       { .argv = HELPER("pause"),
			 .options = WITH(.err.kind = AFIO_PTY, .cwd = "/") }),
		5, WITH(.new_group = true));
	ck_assert_int_eq(group_of(pipe, 0), pid_of(pipe, 0));
	ck_assert_int_eq(group_of(pipe, 1), pid_of(pipe, 1));
	ck_assert_int_eq(group_of(pipe, 2), pid_of(pipe, 1));
	ck_assert_int_eq(group_of(pipe, 3), pid_of(pipe, 3));
	ck_assert_int_eq(getsid(pid_of(pipe, 3)), pid_of(pipe, 3));
	ck_assert_int_eq(getsid(pid_of(pipe, 4)), pid_of(pipe, 4));
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

static void expect_stages_refused(const struct af_stage *stages, size_t n,
				  const struct af_spawn_options *ends,
				  int error, const char *text)
{
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn_stages(rig.loop, stages, n, ends));
	ck_assert_int_eq(errno, error);
	expect_spawn_error(&rig, text);
	expect_no_child();
}

/* With options of its own, but none of these, a stage has those of all. */
START_TEST(stage_joins_the_group_that_all_are_given)
{
	struct af_process *leader;
	struct af_pipe *pipe;
	pid_t group;

	rig_open(&rig, _i);
	leader = start(&rig, HELPER("hold", "0"),
		       WITH(.in = TO_FD(rig.in), .new_group = true));
	group = af_process_pid(leader);
	pipe = start_stages(
		STAGES({ .argv = HELPER("pause") },
		       { .argv = HELPER("pause"), .options = WITH(.cwd = "/") },
		       { .argv = HELPER("pause"),
			 .options = WITH(.new_group = true) }),
		3, WITH(.group = group));
	ck_assert_int_eq(group_of(pipe, 0), group);
	ck_assert_int_eq(group_of(pipe, 1), group);
	ck_assert_int_eq(group_of(pipe, 2), pid_of(pipe, 2));
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	af_pipe_close(pipe);
	pipe = start_stages(
		STAGES({ .argv = HELPER("pause") },
		       { .argv = HELPER("pause"), .options = WITH(.cwd = "/") }),
		2, WITH(.new_session = true));
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(getsid(pid_of(pipe, i)), pid_of(pipe, i));
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	af_pipe_close(pipe);
	rig_hang_up(&rig);
	expect_exit(&rig, leader, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(stage_joins_a_group_of_its_own_choice)
{
	struct af_process *leader;
	struct af_pipe *pipe;
	pid_t group;

	rig_open(&rig, _i);
	leader = start(&rig, HELPER("hold", "0"),
		       WITH(.in = TO_FD(rig.in), .new_group = true));
	group = af_process_pid(leader);
	pipe = start_stages(STAGES({ .argv = HELPER("pause") },
				   { .argv = HELPER("pause"),
				     .options = WITH(.group = group) },
				   { .argv = HELPER("pause") }),
			    3, WITH(.new_group = true));
	ck_assert_int_eq(group_of(pipe, 0), pid_of(pipe, 0));
	ck_assert_int_eq(group_of(pipe, 1), group);
	ck_assert_int_eq(group_of(pipe, 2), pid_of(pipe, 0));
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	af_pipe_close(pipe);
	/* With a session for each, there is no group of all. */
	pipe = start_stages(STAGES({ .argv = HELPER("pause") },
				   { .argv = HELPER("pause") }),
			    2, WITH(.new_group = true, .new_session = true));
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(getsid(pid_of(pipe, i)), pid_of(pipe, i));
	expect_status(&rig, af_pipe_stop(pipe, MS(0)), SIGKILL);
	af_pipe_close(pipe);
	rig_hang_up(&rig);
	expect_exit(&rig, leader, 0);
	rig_close(&rig);
}
END_TEST

static int refuse(void *arg)
{
	(void)arg;
	return -EPERM;
}

/* It is not the group of all that was in the way. */
START_TEST(stage_that_fails_with_eperm_is_not_tried_in_another_group)
{
	const char *const *cat = HELPER("cat");

	rig_open(&rig, 0);
	expect_stages_refused(
		STAGES({ .argv = cat },
		       { .argv = cat, .options = WITH(.before_exec = refuse) }),
		2, WITH(ALL_PIPES, .new_group = true), EPERM,
		"stage 1: before_exec: Operation not permitted");
	expect_stages_refused(
		STAGES({ .argv = cat },
		       { .argv = cat,
			 .options = WITH(.new_session = true,
					 .before_exec = refuse) }),
		2, WITH(ALL_PIPES, .new_group = true), EPERM,
		"stage 1: before_exec: Operation not permitted");
	rig_close(&rig);
}
END_TEST

START_TEST(stages_that_make_no_sense_are_refused)
{
	const char *const *cat = HELPER("cat");

	rig_open(&rig, 0);
	expect_stages_refused(NULL, 2, NULL, EINVAL,
			      "option stages: Invalid argument");
	expect_stages_refused(STAGES({ .argv = cat }), 0, NULL, EINVAL,
			      "option stages: Invalid argument");
	expect_stages_refused(STAGES({ .argv = cat }, { .argv = NULL }), 2,
			      NULL, EINVAL,
			      "stage 1: option argv: Invalid argument");
	expect_stages_refused(
		STAGES({ .argv = cat, .options = WITH(.in.kind = AFIO_PIPE) }),
		1, NULL, EINVAL, "stage 0: option in: Invalid argument");
	expect_stages_refused(
		STAGES({ .argv = cat },
		       { .argv = cat, .options = WITH(.out.kind = AFIO_NULL) }),
		2, NULL, EINVAL, "stage 1: option out: Invalid argument");
	expect_stages_refused(
		STAGES({ .argv = cat,
			 .options = WITH(.err.kind = AFIO_PIPE_EACH) }),
		1, NULL, EINVAL, "stage 0: option err: Invalid argument");
	expect_stages_refused(STAGES({ .argv = cat, .reserved = { [1] = 1 } }),
			      1, NULL, EINVAL,
			      "stage 0: option reserved: Invalid argument");
	expect_stages_refused(
		STAGES({ .argv = cat, .options = WITH(.reserved = { 1 }) }), 1,
		NULL, EINVAL, "stage 0: option reserved: Invalid argument");
	expect_stages_refused(STAGES({ .argv = cat }), 1,
			      WITH(.program = "cat"), EINVAL,
			      "option program: Invalid argument");
	expect_stages_refused(
		STAGES({ .argv = cat },
		       { .argv = cat, .options = WITH(.foreground = true) }),
		2, NULL, EINVAL,
		"stage 1: option foreground: Invalid argument");
	expect_stages_refused(STAGES({ .argv = cat }), 1,
			      WITH(.err = { .kind = AFIO_PIPE,
					    .path_flags = AFIO_PATH_APPEND }),
			      EINVAL, "option err: Invalid argument");
	expect_stages_refused(STAGES({ .argv = cat }), 1,
			      WITH(.err.kind = AFIO_PATH), EINVAL,
			      "open: Invalid argument");
	errno = 0;
	ck_assert_ptr_null(
		af_pipe_spawn_stages(NULL, STAGES({ .argv = cat }), 1, NULL));
	ck_assert_int_eq(errno, EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(stage_that_cannot_start_leaves_none)
{
	const char *const *cat = HELPER("cat");

	rig_open(&rig, 0);
	expect_stages_refused(
		STAGES({ .argv = cat },
		       { .argv = cat, .options = WITH(.cwd = "/nowhere") }),
		2, WITH(ALL_PIPES), ENOENT,
		"stage 1: chdir /nowhere: No such file or directory");
	rig_close(&rig);
}
END_TEST

/* It is not replaced by another: the program has asked for this one. */
START_TEST(stages_of_a_group_that_is_gone_are_refused)
{
	const char *const *cat = HELPER("cat");
	struct af_process *leader;
	char text[99];
	pid_t group;

	rig_open(&rig, 0);
	leader = start(&rig, HELPER("exit", "0"), WITH(.new_group = true));
	group = af_process_pid(leader);
	snprintf(text, sizeof text,
		 "stage 0: setpgid %d: Operation not permitted", (int)group);
	expect_exit(&rig, leader, 0);
	expect_stages_refused(STAGES({ .argv = cat }, { .argv = cat }), 2,
			      WITH(.group = group), EPERM, text);
	expect_stages_refused(STAGES({ .argv = cat }, { .argv = cat }), 2,
			      WITH(.new_group = true, .group = group), EPERM,
			      text);
	rig_close(&rig);
}
END_TEST

/* Three that the program has connected, in one pipeline. */
START_TEST(pipeline_from_processes_has_them_all)
{
	struct af_process *p[3];
	struct af_future *f;
	struct af_pipe *pipe;

	rig_open(&rig, _i);
	for (int i = 0; i < 3; i++)
		p[i] = start(&rig, HELPER("cat"),
			     i == 0 ? WITH(IN_OUT_PIPES)
				    : WITH(.in = { .kind = AFIO_PROCESS,
						   .process = p[i - 1] },
					   .out.kind = AFIO_PIPE));
	pipe = af_pipe_from(p, 3);
	ck_assert_ptr_nonnull(pipe);
	ck_assert_uint_eq(af_pipe_stages(pipe), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_ptr_eq(af_pipe_process(pipe, i), p[i]);
	f = af_pipe_communicate(pipe, HOW(MEMORY("hello", 5)));
	ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, "hello");
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

static void expect_from_refused(struct af_process *const p[], size_t n)
{
	errno = 0;
	ck_assert_ptr_null(af_pipe_from(p, n));
	ck_assert_int_eq(errno, EINVAL);
}

START_TEST(pipeline_from_nonsense_is_refused)
{
	struct af_loop *other = af_loop_new(NULL);
	struct af_process *one, *two;
	struct af_future *ended;

	rig_open(&rig, 0);
	one = start(&rig, HELPER("exit", "0"), NULL);
	two = af_spawn(other, HELPER("exit", "0"), NULL);
	ck_assert_ptr_nonnull(two);
	expect_from_refused(NULL, 1);
	expect_from_refused(&one, 0);
	expect_from_refused((struct af_process *[]){ one, NULL }, 2);
	expect_from_refused((struct af_process *[]){ one, one }, 2);
	expect_from_refused((struct af_process *[]){ one, two }, 2);
	errno = 0;
	ck_assert_ptr_null(af_pipe_new(one, two));
	ck_assert_int_eq(errno, EINVAL);
	expect_exit(&rig, one, 0);
	ended = af_process_wait(two, NULL);
	ck_assert_int_eq(af_await(ended), 0);
	af_future_unref(ended);
	af_process_free(two);
	af_loop_free(other);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/stages_own_options");
	TCase *tc = scratch_case(s, "stages");

	tcase_add_loop_test(tc, stage_has_its_own_attributes, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, stage_has_its_own_stderr, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, stage_joins_the_group_unless_it_has_its_own, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, stage_joins_the_group_that_all_are_given, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, stderr_of_all_is_made_with_the_umask_of_all);
	tcase_add_test(tc, stages_of_a_group_that_is_gone_are_refused);
	tcase_add_loop_test(tc, stage_joins_a_group_of_its_own_choice, 0,
			    DRIVE_COUNT);
	tcase_add_test(
		tc, stage_that_fails_with_eperm_is_not_tried_in_another_group);
	tcase_add_test(tc, stages_that_make_no_sense_are_refused);
	tcase_add_test(tc, stage_that_cannot_start_leaves_none);
	tcase_add_loop_test(tc, pipeline_from_processes_has_them_all, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, pipeline_from_nonsense_is_refused);
	return s;
}
