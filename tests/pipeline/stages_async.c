/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_pipe_spawn_async() and af_pipe_spawn_stages_async(): each row of
 * their table, and that no stage is left.
 */
#include <sched.h>
#include <unistd.h>

#include "support/inside.h"
#include "support/scratch.h"

#define PROGRAM(name) ((const char *const[]){ (name), NULL })

static struct af_pipe *taken(struct rig *rig, struct af_future *f)
{
	struct af_pipe *pipe;
	int r = drive(rig, f);

	ck_assert_msg(r == 0, "%s", af_future_spawn_error(f));
	pipe = af_future_take_pipe(f);
	ck_assert_ptr_nonnull(pipe);
	ck_assert_ptr_null(af_future_take_pipe(f));
	ck_assert_ptr_null(af_future_take_process(f));
	af_future_unref(f);
	return pipe;
}

/* Drives the loop until no child and no thread of the library is left. */
static void expect_nothing_left(struct rig *rig)
{
	siginfo_t info;

	while (library_threads() > 0 ||
	       waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		expect_error(rig, af_sleep(rig->loop, MS(2)), 0);
}

START_TEST(stages_started_async_are_connected)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = taken(&rig, af_pipe_spawn_async(rig.loop,
					       CHAIN(HELPER("cat"),
						     HELPER("cat"),
						     HELPER("cat")),
					       WITH(IN_OUT_PIPES)));
	ck_assert_uint_eq(af_pipe_stages(pipe), 3);
	for (size_t i = 0; i < 2; i++)
		ck_assert_ptr_null(
			af_process_stdout(af_pipe_process(pipe, i)));
	expect_count(&rig, af_pipe_write(pipe, "hello\n", 6, AFIO_FULL, NULL),
		     6, 0);
	ck_assert_int_eq(af_pipe_close_stdin(pipe), 0);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "hello\n", AFIO_EOF);
	expect_success(&rig, pipe);
	pipe = taken(&rig,
		     af_with_timeout(af_pipe_spawn_async(
					     rig.loop, CHAIN(PROGRAM("true")),
					     NULL),
				     MS(20000)));
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(stages_started_async_share_one_stderr)
{
	const struct af_spawn_options own = { .err.kind = AFIO_NULL };
	const struct af_stage stages[] = {
		{ .argv = HELPER("tag", "a", "2"), .options = &own },
		{ .argv = HELPER("tag", "b", "2") },
		{ .argv = HELPER("tag", "c", "2") },
	};
	struct af_pipe *pipe;
	struct rig rig;
	char text[5] = "";
	int fd;

	rig_open(&rig, _i);
	pipe = taken(&rig, af_pipe_spawn_stages_async(
				   rig.loop, stages, 3,
				   WITH(.in.kind = AFIO_NULL,
					.err = { .kind = AFIO_PATH,
						 .path = "errors" })));
	expect_success(&rig, pipe);
	fd = open("errors", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(read(fd, text, sizeof text), 4);
	close(fd);
	ck_assert(strcmp(text, "b\nc\n") == 0 || strcmp(text, "c\nb\n") == 0);
	pipe = taken(&rig, af_pipe_spawn_stages_async(
				   rig.loop, stages, 3,
				   WITH(.in.kind = AFIO_NULL,
					.err.kind = AFIO_PIPE)));
	expect_count(&rig, af_pipe_read_stderr(pipe, 0, AFIO_FULL, NULL), 4,
		     AFIO_EOF);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(stages_started_async_share_one_group)
{
	struct af_pipe *pipe;
	struct rig rig;
	pid_t group;

	rig_open(&rig, _i);
	pipe = taken(&rig, af_pipe_spawn_async(rig.loop,
					       CHAIN(HELPER("cat"),
						     HELPER("cat")),
					       WITH(IN_OUT_PIPES,
						    .new_group = true)));
	group = af_process_pid(af_pipe_process(pipe, 0));
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(
			getpgid(af_process_pid(af_pipe_process(pipe, i))),
			group);
	ck_assert_int_eq(af_pipe_close_stdin(pipe), 0);
	expect_success(&rig, pipe);
	/* A group that vanishes before the next stage joins it. */
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 20; i++) {
		struct af_future *f;

		pipe = taken(&rig,
			     af_pipe_spawn_async(rig.loop,
						 CHAIN(HELPER("exit", "0"),
						       HELPER("exit", "0"),
						       HELPER("exit", "0")),
						 WITH(.new_group = true)));
		f = af_pipe_wait(pipe, NULL);
		drive(&rig, f);
		af_future_unref(f);
		af_pipe_close(pipe);
	}
	signal(SIGCHLD, SIG_DFL);
	rig_close(&rig);
}
END_TEST

START_TEST(stage_that_fails_async_leaves_none)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_pipe_spawn_async(rig.loop,
				CHAIN(HELPER("pause"), HELPER("pause"),
				      PROGRAM("./missing")),
				WITH(ALL_PIPES));
	ck_assert_int_eq(drive(&rig, f), -ENOENT);
	ck_assert_str_eq(af_future_spawn_error(f),
			 "stage 2: exec ./missing: No such file or directory");
	ck_assert_str_eq(af_spawn_error(rig.loop), af_future_spawn_error(f));
	ck_assert_int_eq(af_future_spawn_step(f), AFIO_STEP_EXEC);
	ck_assert_ptr_null(af_future_take_pipe(f));
	af_future_unref(f);
	expect_nothing_left(&rig);
	rig_close(&rig);
}
END_TEST

/* As if they were started at once. */
START_TEST(stderr_of_all_is_made_async_with_the_umask_of_all)
{
	const mode_t own = 077, all = 027;
	const struct af_spawn_options options = { .umask = &own };
	const struct af_stage stages[] = {
		{ .argv = HELPER("exit", "0"), .options = &options },
		{ .argv = HELPER("exit", "0") },
	};
	const struct af_stdio err = { .kind = AFIO_PATH, .path = "made" };
	struct stat status;
	struct rig rig;
	mode_t ours;

	rig_open(&rig, _i);
	expect_success(&rig,
		       taken(&rig, af_pipe_spawn_stages_async(
					   rig.loop, stages, 2,
					   WITH(.umask = &all, .err = err))));
	ck_assert_int_eq(stat("made", &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0640);
	unlink("made");
	ours = umask(022);
	expect_success(&rig, taken(&rig, af_pipe_spawn_stages_async(
						 rig.loop, stages, 2,
						 WITH(.err = err))));
	umask(ours);
	ck_assert_int_eq(stat("made", &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0644);
	unlink("made");
	rig_close(&rig);
}
END_TEST

START_TEST(stages_of_a_group_that_is_gone_fail_async)
{
	struct af_process *leader;
	struct af_future *f;
	struct rig rig;
	char text[99];
	pid_t group;

	rig_open(&rig, _i);
	leader = start(&rig, HELPER("exit", "0"), WITH(.new_group = true));
	group = af_process_pid(leader);
	snprintf(text, sizeof text,
		 "stage 0: setpgid %d: Operation not permitted", (int)group);
	expect_exit(&rig, leader, 0);
	for (int i = 0; i < 2; i++) {
		f = af_pipe_spawn_async(rig.loop,
					CHAIN(HELPER("cat"), HELPER("cat")),
					WITH(.new_group = i, .group = group));
		ck_assert_int_eq(drive(&rig, f), -EPERM);
		ck_assert_str_eq(af_future_spawn_error(f), text);
		af_future_unref(f);
	}
	expect_nothing_left(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_is_taken_only_from_a_start_that_succeeded)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_pipe_spawn_async(rig.loop, CHAIN(HELPER("exit", "0")), NULL);
	ck_assert_ptr_null(af_future_take_pipe(f));
	expect_success(&rig, taken(&rig, f));
	f = af_spawn_async(rig.loop, HELPER("exit", "0"), NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_ptr_null(af_future_take_pipe(f));
	expect_exit(&rig, af_future_take_process(f), 0);
	af_future_unref(f);
	f = af_pipe_spawn_async(rig.loop, CHAIN(PROGRAM("./missing")), NULL);
	ck_assert_int_eq(drive(&rig, f), -ENOENT);
	ck_assert_ptr_null(af_future_take_pipe(f));
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* All that is copied is spoilt as soon as the call has returned. */
START_TEST(stages_started_async_are_copied)
{
	char cwd[] = "/", mode[] = "cwd";
	const char *argv[] = { helper_path(), mode, NULL };
	struct af_spawn_options own = { .cwd = cwd };
	struct af_spawn_options ends = { .out.kind = AFIO_PIPE };
	struct af_stage stages[] = { { .argv = HELPER("exit", "0") },
				     { .argv = argv, .options = &own } };
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_pipe_spawn_stages_async(rig.loop, stages, 2, &ends);
	memset(cwd, 'x', 1);
	memset(mode, 'x', 3);
	memset(argv, 0, sizeof argv);
	memset(&own, 0xff, sizeof own);
	memset(&ends, 0xff, sizeof ends);
	memset(stages, 0, sizeof stages);
	pipe = taken(&rig, f);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "/\n", AFIO_EOF);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(stages_of_nonsense_fail_at_once)
{
	struct af_future *f;
	struct rig rig;

	ck_assert_int_eq(
		af_future_error(af_pipe_spawn_async(
			NULL, CHAIN(PROGRAM("true")), NULL)),
		-EINVAL);
	ck_assert_ptr_null(af_future_take_pipe(NULL));
	rig_open(&rig, 0);
	f = af_pipe_spawn_async(rig.loop, NULL, NULL);
	ck_assert_int_eq(af_future_error(f), -EINVAL);
	ck_assert_str_eq(af_future_spawn_error(f),
			 "option stages: Invalid argument");
	af_future_unref(f);
	f = af_pipe_spawn_stages_async(rig.loop, NULL, 2, NULL);
	ck_assert_int_eq(af_future_error(f), -EINVAL);
	ck_assert_str_eq(af_future_spawn_error(f),
			 "option stages: Invalid argument");
	af_future_unref(f);
	f = af_pipe_spawn_async(rig.loop,
				CHAIN(PROGRAM("true"), PROGRAM(NULL)), NULL);
	ck_assert_int_eq(af_future_error(f), -EINVAL);
	ck_assert_str_eq(af_future_spawn_error(f),
			 "stage 1: option argv: Invalid argument");
	af_future_unref(f);
	f = af_pipe_spawn_async(rig.loop, CHAIN(PROGRAM("true")),
				WITH(.in = TO_FD(-7)));
	ck_assert_int_eq(af_future_error(f), -EBADF);
	af_future_unref(f);
	expect_no_child();
	rig_close(&rig);
}
END_TEST

/* After none, one, two … turns of the loop. */
START_TEST(stages_cancelled_at_any_moment_leave_none)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, 0);
	for (int i = 0; i < 60; i++) {
		f = af_pipe_spawn_async(rig.loop,
					CHAIN(HELPER("pause"), HELPER("pause"),
					      HELPER("pause")),
					WITH(ALL_PIPES));
		for (int n = 0; n < i / 3; n++)
			expect_error(&rig, af_sleep(rig.loop, MS(0)), 0);
		if (i % 3 == 0)
			spin(1);
		af_future_cancel(f);
		if (i % 3 == 1)
			drive(&rig, f);
		ck_assert(af_future_is_done(f));
		af_future_unref(f);
	}
	expect_nothing_left(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_that_nobody_takes_is_killed)
{
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, _i);
	f = af_pipe_spawn_async(rig.loop,
				CHAIN(HELPER("pause"), HELPER("pause")),
				WITH(ALL_PIPES));
	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	expect_nothing_left(&rig);
	f = af_pipe_spawn_async(rig.loop,
				CHAIN(HELPER("pause"), HELPER("pause")),
				WITH(ALL_PIPES));
	spin(2);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	while (library_threads() > 0)
		sched_yield();
	expect_no_child();
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/stages_async");
	TCase *tc = scratch_case(s, "stages_async");

	tcase_add_loop_test(tc, stages_started_async_are_connected, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, stages_started_async_share_one_stderr, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, stages_started_async_share_one_group, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, stage_that_fails_async_leaves_none, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    stderr_of_all_is_made_async_with_the_umask_of_all,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, stages_of_a_group_that_is_gone_fail_async, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    pipeline_is_taken_only_from_a_start_that_succeeded,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, stages_started_async_are_copied, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, stages_of_nonsense_fail_at_once);
	tcase_add_test(tc, stages_cancelled_at_any_moment_leave_none);
	tcase_add_loop_test(tc, pipeline_that_nobody_takes_is_killed, 0,
			    DRIVE_COUNT);
	return s;
}
