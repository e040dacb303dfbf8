/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of a chain's stages: the stderr of each, long chains, and that one stage
 * which fails, to start or later, leaves none behind.
 */
#include <stdlib.h>
#include <unistd.h>

#include "support/nobody.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define MIB ((size_t)1 << 20)
#define STAGES 5
#define MANY 100

#define EACH_ERR IN_OUT_PIPES, .err.kind = AFIO_PIPE_EACH

static struct af_pipe *start_tags(struct rig *rig,
				  const struct af_spawn_options *options)
{
	return start_chain(rig,
			   CHAIN(HELPER("tag", "a"), HELPER("tag", "b"),
				 HELPER("tag", "c")),
			   options);
}

START_TEST(stderr_each_is_a_file_of_its_stage)
{
	static const char *const texts[] = { "a\n", "b\n", "c\n" };
	struct af_process *stage;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_tags(&rig, WITH(EACH_ERR));
	af_pipe_close_stdin(pipe);
	for (size_t i = 0; i < 3; i++) {
		stage = af_pipe_process(pipe, i);
		expect_bytes(&rig,
			     af_file_read(af_process_stderr(stage), 0, 0, NULL),
			     texts[i], 2, AFIO_EOF);
	}
	ck_assert_ptr_eq(af_pipe_stderr(pipe), af_process_stderr(stage));
	expect_success(&rig, pipe);

	pipe = start_tags(&rig, WITH(EACH_ERR));
	expect_text(&rig, af_pipe_readline_stderr(pipe, 0, 0, 0, NULL), "c\n",
		    0);
	af_pipe_close_stdin(pipe);
	expect_text(&rig, af_pipe_read_stderr(pipe, 0, 0, NULL), "", AFIO_EOF);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(stderr_each_where_there_is_no_chain_is_invalid)
{
	struct rig rig;

	rig_open(&rig, 0);
	expect_refused(&rig, HELPER("exit", "0"),
		       WITH(.err.kind = AFIO_PIPE_EACH), EINVAL);
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn(rig.loop, CHAIN(HELPER("cat")),
					 WITH(.in.kind = AFIO_PIPE_EACH)));
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn(rig.loop, CHAIN(HELPER("cat")),
					 WITH(.out.kind = AFIO_PIPE_EACH)));
	ck_assert_int_eq(errno, EINVAL);
	expect_no_child();
	rig_close(&rig);
}
END_TEST

START_TEST(stderr_inherited_is_every_stages)
{
	struct af_pipe *pipe;
	char text[7] = "";
	struct rig rig;
	int kept;

	rig_open(&rig, _i);
	kept = fcntl(2, F_DUPFD_CLOEXEC, 100);
	dup2(rig.out, 2);
	pipe = start_tags(&rig, WITH(IN_OUT_PIPES));
	dup2(kept, 2);
	close(kept);
	ck_assert_ptr_null(af_pipe_stderr(pipe));
	get(rig.in, text, 6);
	for (const char *tag = "abc"; *tag; tag++)
		ck_assert_ptr_nonnull(strchr(text, *tag));
	af_pipe_close_stdin(pipe);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

/* As with a stream that is the stage's own. */
START_TEST(stderr_of_all_can_be_opened_again_by_their_user)
{
	const char *const say[] = { "sh", "-c", "echo hi >/dev/stderr", NULL };
	struct af_pipe *pipe;
	struct af_future *f;
	struct rig rig;

	if (!is_root())
		return;
	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(say, say),
			   WITH(AS_NOBODY, ALL_PIPES, .cwd = "/"));
	expect_text(&rig, af_pipe_read_stderr(pipe, 0, 0, NULL), "hi\nhi\n",
		    AFIO_EOF);
	expect_success(&rig, pipe);
	f = af_pipe_spawn_async(rig.loop, CHAIN(say, say),
				WITH(.reset_ids = true, ALL_PIPES, .cwd = "/"));
	ck_assert_int_eq(drive(&rig, f), 0);
	pipe = af_future_take_pipe(f);
	af_future_unref(f);
	expect_text(&rig, af_pipe_read_stderr(pipe, 0, 0, NULL), "hi\nhi\n",
		    AFIO_EOF);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_with_stderr_each_tells_the_stages_apart)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_tags(&rig, WITH(EACH_ERR));
	f = af_pipe_communicate(pipe, HOW(MEMORY("text", 4)));
	output = outcome(&rig, f, 0, 0);
	af_pipe_close(pipe);
	ck_assert_str_eq(output->out, "text");
	ck_assert_uint_eq(output->n_stages, 3);
	ck_assert_ptr_null(af_output_stage(output, 3));
	ck_assert_ptr_null(af_output_stage(output, SIZE_MAX));
	ck_assert_ptr_null(af_output_stage(NULL, 0));
	ck_assert_str_eq(af_output_stage(output, 0)->err, "a\n");
	ck_assert_str_eq(af_output_stage(output, 1)->err, "b\n");
	ck_assert_str_eq(af_output_stage(output, 2)->err, "c\n");
	ck_assert_uint_eq(af_output_stage(output, 2)->err_len, 2);
	ck_assert_str_eq(output->err, "c\n");
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_with_stderr_merged_has_it_in_one)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_tags(&rig, WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, NULL);
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->err_len, 6);
	ck_assert_uint_eq(output->n_stages, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_str_eq(af_output_stage(output, i)->err, "");
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* More than a pipe holds, from a stage whose stderr nobody asks for. */
START_TEST(communicate_with_stage_full_of_errors_does_not_hang)
{
	const struct af_output *output;
	struct af_process *first, *last;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig,
			   CHAIN(HELPER("both", "1048576"), HELPER("cat")),
			   WITH(EACH_ERR));
	f = af_pipe_communicate(pipe, NULL);
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->out_len, MIB);
	ck_assert_uint_eq(af_output_stage(output, 0)->err_len, MIB);
	ck_assert_uint_eq(
		pattern_match(af_output_stage(output, 0)->err, MIB, 0), MIB);
	ck_assert_uint_eq(output->err_len, 0);
	af_future_unref(f);
	af_pipe_close(pipe);

	/* The same of processes that the program has started. */
	first = start(&rig, HELPER("both", "1048576"), WITH(ALL_PIPES));
	last = start(&rig, HELPER("cat"),
		     WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			  .out.kind = AFIO_PIPE));
	pipe = af_pipe_new(first, last);
	f = af_pipe_communicate(pipe, NULL);
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->out_len, MIB);
	ck_assert_uint_eq(af_output_stage(output, 0)->err_len, MIB);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_over_limit_of_a_stage_truncates_that)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(
		&rig,
		CHAIN(HELPER("write", "1048576", "2"), HELPER("tag", "b")),
		WITH(EACH_ERR));
	f = af_pipe_communicate(pipe, HOW(.max_output = 1000,
					  .overflow = AFIO_OVERFLOW_TRUNCATE));
	output = outcome(&rig, f, 0, AFIO_TRUNCATED);
	ck_assert_uint_eq(af_output_stage(output, 0)->err_len, 1000);
	ck_assert_int_eq(af_output_stage(output, 0)->err[1000], '\0');
	ck_assert_uint_eq(
		pattern_match(af_output_stage(output, 0)->err, 1000, 0), 1000);
	ck_assert_str_eq(af_output_stage(output, 1)->err, "b\n");
	af_future_unref(f);
	af_pipe_close(pipe);

	pipe = start_chain(
		&rig, CHAIN(HELPER("write", "1048576", "2"), HELPER("cat")),
		WITH(EACH_ERR));
	f = af_pipe_communicate(pipe, HOW(.max_output = 1000));
	output = outcome(&rig, f, -EMSGSIZE, 0);
	ck_assert_uint_eq(af_output_stage(output, 0)->err_len, 1000);
	af_future_unref(f);
	for (size_t i = 0; i < 2; i++)
		af_process_signal(af_pipe_process(pipe, i), SIGKILL);
	f = af_pipe_wait(pipe, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* Those before it lose their reader, those after it their writer. */
START_TEST(chain_with_failing_stage_ends_as_a_whole)
{
	const char *const *cat = HELPER("cat"), *const *bye =
							HELPER("exit", "3");
	const char *const *stages[STAGES + 1] = { HELPER("endless") };
	struct af_pipe *pipe;
	int bad = _i % STAGES;
	struct rig rig;

	rig_open(&rig, _i / STAGES);
	for (int i = 1; i < STAGES; i++)
		stages[i] = cat;
	stages[bad] = bye;
	pipe = start_chain(&rig, stages, WITH(.out.kind = AFIO_PIPE));
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "", AFIO_EOF);
	expect_status(&rig, af_pipe_wait(pipe, NULL), EXITED(3));
	for (int i = 0; i < STAGES; i++)
		ck_assert_int_eq(af_pipe_status(pipe, (size_t)i),
				 i < bad    ? SIGPIPE
				 : i == bad ? EXITED(3)
					    : 0);
	af_pipe_close(pipe);
	expect_no_child();
	rig_close(&rig);
}
END_TEST

static void expect_not_started(struct rig *rig,
			       const char *const *const stages[], int error)
{
	errno = 0;
	ck_assert_ptr_null(
		af_pipe_spawn(rig->loop, stages,
			      WITH(.in = TO_FD(rig->in), .out.kind = AFIO_PIPE,
				   .err.kind = AFIO_PIPE_EACH)));
	ck_assert_int_eq(errno, error);
	expect_no_child();
}

START_TEST(chain_with_stage_that_does_not_start_leaves_none)
{
	const char *const missing[] = { "./missing", NULL };
	const char *const *stages[MANY + 1] = { NULL };
	const char *const *hold = HELPER("hold", "0");
	struct rig rig;

	rig_open(&rig, 0);
	for (int bad = 0; bad < STAGES; bad++) {
		for (int i = 0; i < STAGES; i++)
			stages[i] = i == bad ? missing : hold;
		expect_not_started(&rig, stages, ENOENT);
	}
	for (int i = 0; i < MANY; i++)
		stages[i] = i == MANY - 1 ? missing : hold;
	expect_not_started(&rig, stages, ENOENT);
	rig_close(&rig);
}
END_TEST

/* Seen before anything is done: the file is not even made. */
START_TEST(chain_with_empty_stage_is_invalid_and_starts_nothing)
{
	const char *const empty[] = { NULL };
	const char *const *ok = HELPER("exit", "0");
	const char *const *stages[STAGES + 1] = { NULL };
	struct rig rig;

	rig_open(&rig, 0);
	for (int bad = 0; bad <= STAGES; bad++) {
		for (int i = 0; i < STAGES; i++)
			stages[i] = i == bad ? empty : ok;
		if (bad == STAGES)
			stages[0] = NULL; /* none at all */
		errno = 0;
		ck_assert_ptr_null(af_pipe_spawn(
			rig.loop, stages,
			WITH(.err = { .kind = AFIO_PATH, .path = "trace" })));
		ck_assert_int_eq(errno, EINVAL);
		expect_no_child();
		ck_assert_int_ne(access("trace", F_OK), 0);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(chain_of_many_stages_passes_much)
{
	const char *const *cat = HELPER("cat");
	const char *const *stages[MANY + 1] = { NULL };
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	char *data = malloc(MIB);
	struct rig rig;

	rig_open(&rig, _i);
	pattern_fill(data, MIB, 0);
	for (int i = 0; i < MANY; i++)
		stages[i] = cat;
	pipe = start_chain(&rig, stages, WITH(EACH_ERR));
	f = af_pipe_communicate(pipe, HOW(MEMORY(data, MIB)));
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->out_len, MIB);
	ck_assert_mem_eq(output->out, data, MIB);
	ck_assert_int_eq(output->status, 0);
	ck_assert_uint_eq(output->n_stages, MANY);
	ck_assert_ptr_nonnull(af_output_stage(output, MANY - 1));
	ck_assert_ptr_null(af_output_stage(output, MANY));
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(af_pipe_status(pipe, i), 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	free(data);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/stages");
	TCase *tc = test_case(s, "stderr");

	ADD(tc, stderr_each_is_a_file_of_its_stage);
	tcase_add_test(tc, stderr_each_where_there_is_no_chain_is_invalid);
	ADD(tc, stderr_inherited_is_every_stages);
	ADD(tc, stderr_of_all_can_be_opened_again_by_their_user);
	ADD(tc, communicate_with_stderr_each_tells_the_stages_apart);
	ADD(tc, communicate_with_stderr_merged_has_it_in_one);
	ADD(tc, communicate_with_stage_full_of_errors_does_not_hang);
	ADD(tc, communicate_over_limit_of_a_stage_truncates_that);

	tc = scratch_case(s, "chain");
	tcase_add_loop_test(tc, chain_with_failing_stage_ends_as_a_whole, 0,
			    STAGES * DRIVE_COUNT);
	tcase_add_test(tc, chain_with_stage_that_does_not_start_leaves_none);
	tcase_add_test(tc,
		       chain_with_empty_stage_is_invalid_and_starts_nothing);
	ADD(tc, chain_of_many_stages_passes_much);
	return s;
}
