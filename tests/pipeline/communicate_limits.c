/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_pipe_communicate() that is bounded, by time, by size, by a cancel
 * or by linger: what it has to show then, and that the stages go on.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/children.h"
#include "support/pattern.h"

#define MIB ((size_t)1 << 20)

static void expect_out_pattern(const struct af_output *output, size_t len)
{
	ck_assert_uint_eq(output->out_len, len);
	ck_assert_uint_eq(pattern_match(output->out, len, 0), len);
}

/*
 * A child that has said "done" on stderr, has written so much to stdout, and
 * lives until rig->out is hung up.
 */
static struct af_pipe *start_talk(struct rig *rig, const char *len)
{
	struct af_pipe *pipe =
		start_chain(rig, CHAIN(HELPER("talk", len)),
			    WITH(.in = TO_FD(rig->in), .out.kind = AFIO_PIPE,
				 .err.kind = AFIO_PIPE));

	expect_text(rig, af_pipe_readline_stderr(pipe, 0, 0, 0, NULL), "done\n",
		    0);
	return pipe;
}

START_TEST(communicate_past_deadline_has_what_came_and_stages_go_on)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	int64_t since;

	rig_open(&rig, _i);
	pipe = start_talk(&rig, "100");
	since = now_us();
	f = af_pipe_communicate(pipe, HOW(.timeout = MS(50)));
	output = outcome(&rig, f, -ETIMEDOUT, 0);
	expect_elapsed(since, 50);
	expect_out_pattern(output, 100);
	ck_assert_int_eq(output->status, -1);
	ck_assert(!af_pipe_poll(pipe, NULL));
	af_future_unref(f);
	rig_hang_up(&rig);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

/*
 * The child says "done" past this library, to the test, and cannot have written
 * so much unless most of it was read: a pipe holds at most a MiB.
 */
START_TEST(communicate_canceled_has_what_came_and_stages_go_on)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	int input[2];

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, input);
	pipe = start_chain(&rig, CHAIN(HELPER("talk", "4194304")),
			   WITH(IN_OUT_PIPES, .err = TO_FD(rig.out)));
	put(input[1], "never read", 10);
	f = af_pipe_communicate(
		pipe, HOW(.input_kind = AFIO_INPUT_FD, .input_fd = input[0]));
	expect_text(&rig, af_file_readline(rig_reader(&rig), 0, 0, 0, NULL),
		    "done\n", 0);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	output = outcome(&rig, f, -ECANCELED, 0);
	ck_assert_uint_ge(output->out_len, 3 * MIB);
	expect_out_pattern(output, output->out_len);
	ck_assert_int_eq(output->status, -1);
	ck_assert(!af_pipe_poll(pipe, NULL));
	af_future_unref(f);
	af_pipe_close_stdin(pipe);
	expect_success(&rig, pipe);
	close(input[0]);
	close(input[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_on_closed_pipe_is_canceled)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	pipe = start_talk(&rig, "100");
	pid = af_process_pid(af_pipe_process(pipe, 0));
	f = af_pipe_communicate(pipe, NULL);
	af_pipe_close(pipe);
	output = outcome(&rig, f, -ECANCELED, 0);
	ck_assert_int_eq(output->status, -1);
	af_future_unref(f);
	rig_hang_up(&rig);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_on_freed_loop_is_canceled)
{
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_talk(&rig, "100");
	f = af_pipe_communicate(pipe, HOW(.timeout = MS(30000)));
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_ptr_nonnull(af_future_output(f));
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_hang_up(&rig);
	ck_assert_int_gt(waitpid(-1, NULL, 0), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_over_limit_fails_and_stages_go_on)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("endless")), WITH(ALL_PIPES));
	pid = af_process_pid(af_pipe_process(pipe, 0));
	f = af_pipe_communicate(pipe, HOW(.max_output = 100001));
	output = outcome(&rig, f, -EMSGSIZE, 0);
	ck_assert_uint_eq(output->out_len, 100001);
	ck_assert_int_eq(memcmp(output->out, "y\ny\n", 4), 0);
	ck_assert_int_eq(output->status, -1);
	ck_assert(!af_pipe_poll(pipe, NULL));
	af_future_unref(f);
	/* Not a byte is missing between what it brought and what comes now. */
	expect_text(&rig, af_pipe_read(pipe, 4, AFIO_FULL, NULL), "\ny\ny", 0);
	af_pipe_close(pipe);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_over_limit_truncates_each_stream)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("both", "1048576")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, HOW(.max_output = 1000,
					  .overflow = AFIO_OVERFLOW_TRUNCATE));
	output = outcome(&rig, f, 0, AFIO_TRUNCATED);
	expect_out_pattern(output, 1000);
	ck_assert_uint_eq(output->err_len, 1000);
	ck_assert_uint_eq(pattern_match(output->err, 1000, 0), 1000);
	ck_assert_int_eq(output->status, 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* What the program reads next begins with the byte that was too many. */
START_TEST(read_behind_a_communicate_over_its_limit_misses_nothing)
{
	struct af_future *f, *behind;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("write", "1000")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, HOW(.max_output = 900));
	behind = af_file_read(af_pipe_stdout(pipe), 100, AFIO_FULL, NULL);
	expect_out_pattern(outcome(&rig, f, -EMSGSIZE, 0), 900);
	af_future_unref(f);
	expect_data_pattern(&rig, behind, 100, 900, 0);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

/* Runs the loop until nothing is in the pipe, and what follows from that. */
static void await_taken(struct rig *rig, int fd)
{
	int64_t since = now_us();
	int n;

	do {
		ck_assert_int_lt(now_us() - since, 20000000);
		turn(rig);
		ck_assert_int_eq(ioctl(fd, FIONREAD, &n), 0);
	} while (n > 0);
	turn(rig);
}

static struct af_process *reader;

/* The rest of the stream is for another child. */
static void give_away(struct af_future *done, void *arg)
{
	struct af_pipe *pipe = arg;
	struct af_process *first = af_pipe_process(pipe, 0);

	ck_assert_int_eq(af_future_error(done), 0);
	reader = af_spawn(af_pipe_loop(pipe), HELPER("cat"),
			  WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			       .out.kind = AFIO_PIPE));
	ck_assert_ptr_nonnull(reader);
	ck_assert_ptr_null(af_process_stdout(first));
}

START_TEST(communicate_ends_with_a_stream_that_another_child_gets)
{
	struct af_process *process;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	int fds[2];
	pid_t pid;

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, fds);
	pid = take_over(start_held(&rig), NULL, NULL);
	process = af_process_adopt(rig.loop, pid, -1, fds[0], -1);
	ck_assert_ptr_nonnull(process);
	pipe = af_pipe_new(process, NULL);
	f = af_pipe_communicate(
		pipe, HOW(.max_output = 2, .overflow = AFIO_OVERFLOW_TRUNCATE));
	/* Before the bytes that are dropped. */
	af_on_done(af_file_read(af_pipe_stdout(pipe), 1, 0, NULL), give_away,
		   pipe);
	put_text(fds[1], "ab");
	await_taken(&rig, fds[1]);
	put_text(fds[1], "cde");
	rig_hang_up(&rig);
	ck_assert_str_eq(outcome(&rig, f, 0, AFIO_TRUNCATED)->out, "ab");
	af_future_unref(f);
	put_text(fds[1], "fgh");
	close(fds[1]);
	expect_text(&rig, af_file_read(af_process_stdout(reader), 0, 0, NULL),
		    "fgh", AFIO_EOF);
	expect_exit(&rig, reader, 0);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* The loop's limit counts where there is no max_output, and only there. */
START_TEST(communicate_over_the_loops_limit_fails_or_truncates)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 1000), 0);
	pipe = start_chain(&rig, CHAIN(HELPER("both", "1048576")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, NULL);
	output = outcome(&rig, f, -EMSGSIZE, 0);
	ck_assert(output->out_len == 1000 || output->err_len == 1000);
	ck_assert_uint_le(output->out_len, 1000);
	ck_assert_uint_le(output->err_len, 1000);
	af_future_unref(f);
	f = af_pipe_communicate(pipe,
				HOW(.overflow = AFIO_OVERFLOW_TRUNCATE));
	output = outcome(&rig, f, 0, AFIO_TRUNCATED);
	ck_assert_uint_eq(output->out_len, 1000);
	ck_assert_uint_eq(output->err_len, 1000);
	af_future_unref(f);
	af_pipe_close(pipe);
	pipe = start_chain(&rig, CHAIN(HELPER("both", "100000")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, HOW(.max_output = 100000));
	output = outcome(&rig, f, 0, 0);
	expect_out_pattern(output, 100000);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_at_the_limit_of_a_stream_is_not_over_it)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 10), 0);
	pipe = start_chain(&rig, CHAIN(HELPER("both", "1000")),
			   WITH(ALL_PIPES));
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 0), 0);
	/* Each stream has its own. */
	ck_assert_int_eq(af_file_set_limit(af_pipe_stdout(pipe), 1000), 0);
	ck_assert_int_eq(af_file_set_limit(af_pipe_stderr(pipe), 0), 0);
	f = af_pipe_communicate(pipe, NULL);
	output = outcome(&rig, f, 0, 0);
	expect_out_pattern(output, 1000);
	ck_assert_uint_eq(output->err_len, 1000);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_at_limit_is_not_over_it)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	for (int overflow = AFIO_OVERFLOW_FAIL;
	     overflow <= AFIO_OVERFLOW_TRUNCATE; overflow++) {
		pipe = start_chain(&rig, CHAIN(HELPER("both", "1000")),
				   WITH(ALL_PIPES));
		f = af_pipe_communicate(
			pipe, HOW(.max_output = 1000,
				  .overflow = (enum af_overflow)overflow));
		output = outcome(&rig, f, 0, 0);
		expect_out_pattern(output, 1000);
		ck_assert_uint_eq(output->err_len, 1000);
		af_future_unref(f);
		af_pipe_close(pipe);
	}
	rig_close(&rig);
}
END_TEST

/* Of 1000 bytes to each stream, the last is too many, or none. */
START_TEST(communicate_one_byte_around_the_limit_is_exact)
{
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("write", "1000")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, HOW(.max_output = 999));
	expect_out_pattern(outcome(&rig, f, -EMSGSIZE, 0), 999);
	af_future_unref(f);
	expect_data_pattern(&rig, af_pipe_read(pipe, 0, 0, NULL), 1, 999,
			    AFIO_EOF);
	expect_success(&rig, pipe);
	pipe = start_chain(&rig, CHAIN(HELPER("write", "1000")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, HOW(.max_output = 999,
					  .overflow = AFIO_OVERFLOW_TRUNCATE));
	expect_out_pattern(outcome(&rig, f, 0, AFIO_TRUNCATED), 999);
	af_future_unref(f);
	expect_success(&rig, pipe);
	pipe = start_chain(&rig, CHAIN(HELPER("write", "1000")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, HOW(.max_output = 1001));
	expect_out_pattern(outcome(&rig, f, 0, 0), 1000);
	af_future_unref(f);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_endless_truncated_is_ended_by_deadline)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("endless")), WITH(ALL_PIPES));
	pid = af_process_pid(af_pipe_process(pipe, 0));
	expect_text(&rig, af_pipe_readline(pipe, 0, 0, 0, NULL), "y\n", 0);
	f = af_pipe_communicate(pipe, HOW(.max_output = 1,
					  .overflow = AFIO_OVERFLOW_TRUNCATE,
					  .timeout = MS(100)));
	ck_assert_int_eq(drive(&rig, f), -ETIMEDOUT);
	output = af_future_output(f);
	ck_assert_ptr_nonnull(output);
	ck_assert_str_eq(output->out, "y");
	ck_assert(!af_pipe_poll(pipe, NULL));
	af_future_unref(f);
	af_pipe_close(pipe);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

/* Without linger there is no end before that of the grandchild's stream. */
START_TEST(communicate_without_linger_waits_for_the_grandchild)
{
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("grandchild", "3")),
			   WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE));
	f = af_pipe_communicate(pipe, NULL);
	expect_status(&rig, af_pipe_wait(pipe, NULL), EXITED(3));
	ck_assert(!af_future_is_done(f));
	rig_hang_up(&rig);
	ck_assert_str_eq(outcome(&rig, f, 0, 0)->out, "x\n");
	ck_assert_int_eq(af_future_output(f)->status, EXITED(3));
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* Linger is for what is left after the exit: a stage may take its time. */
START_TEST(communicate_with_linger_waits_for_stages)
{
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_talk(&rig, "10");
	f = af_pipe_communicate(pipe, HOW(.linger = MS(0)));
	expect_error(&rig, af_pipe_wait(pipe, MS(50)), -ETIMEDOUT);
	ck_assert(!af_future_is_done(f));
	rig_hang_up(&rig);
	ck_assert_int_eq(drive(&rig, f), 0);
	expect_out_pattern(af_future_output(f), 10);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* With nobody left to write, the end is there already, however much is left. */
START_TEST(communicate_with_zero_linger_loses_nothing)
{
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	for (int i = 0; i < 20; i++) {
		pipe = start_chain(&rig, CHAIN(HELPER("both", "300000")),
				   WITH(ALL_PIPES));
		f = af_pipe_communicate(pipe, HOW(.linger = MS(0)));
		expect_out_pattern(outcome(&rig, f, 0, 0), 300000);
		ck_assert_uint_eq(af_future_output(f)->err_len, 300000);
		af_future_unref(f);
		af_pipe_close(pipe);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_with_zero_timeout_has_what_is_there)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_talk(&rig, "100");
	f = af_pipe_communicate(pipe, HOW(.timeout = MS(0)));
	output = outcome(&rig, f, -ETIMEDOUT, 0);
	expect_out_pattern(output, 100);
	af_future_unref(f);
	rig_hang_up(&rig);
	await_zombie(af_process_pid(af_pipe_process(pipe, 0)));
	f = af_pipe_communicate(pipe, HOW(.timeout = MS(0)));
	output = outcome(&rig, f, 0, 0);
	ck_assert_uint_eq(output->out_len, 0);
	ck_assert_int_eq(output->status, 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* Nobody is left to take what may still come: the input need not end. */
START_TEST(communicate_from_endless_input_ends_with_the_child)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("echo", "x")), WITH(ALL_PIPES));
	f = af_pipe_communicate(
		pipe, HOW(.input_kind = AFIO_INPUT_FD, .input_fd = rig.in));
	output = outcome(&rig, f, 0, 0);
	ck_assert_str_eq(output->out, "x\n");
	ck_assert_uint_eq(output->input_taken, 0);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(communicate_with_sigchld_ignored_ends)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	signal(SIGCHLD, SIG_IGN);
	pipe = start_chain(&rig, CHAIN(HELPER("both", "1000")),
			   WITH(ALL_PIPES));
	f = af_pipe_communicate(pipe, NULL);
	output = outcome(&rig, f, 0, 0);
	expect_out_pattern(output, 1000);
	ck_assert(output->status == 0 || output->status == -1);
	af_future_unref(f);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* Its read is over, nobody has heard of it yet, and a byte more is there. */
START_TEST(communicate_keeps_its_output_from_another_process)
{
	const char *const last[] = { helper_path(), "exit", "0", NULL };
	struct af_spawn_options options = { .in.kind = AFIO_PROCESS };
	struct af_future *f;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_talk(&rig, "4");
	f = af_pipe_communicate(pipe, HOW(.max_output = 3));
	options.in.process = af_pipe_process(pipe, 0);
	errno = 0;
	ck_assert_ptr_null(af_spawn(rig.loop, last, &options));
	ck_assert_int_eq(errno, EBUSY);
	expect_out_pattern(outcome(&rig, f, -EMSGSIZE, 0), 3);
	af_future_unref(f);
	expect_data_pattern(&rig, af_pipe_read(pipe, 1, 0, NULL), 1, 3, 0);
	rig_hang_up(&rig);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/communicate_limits");
	TCase *tc = test_case(s, "end");

	ADD(tc, communicate_past_deadline_has_what_came_and_stages_go_on);
	ADD(tc, communicate_canceled_has_what_came_and_stages_go_on);
	ADD(tc, communicate_on_closed_pipe_is_canceled);
	ADD(tc, communicate_on_freed_loop_is_canceled);
	ADD(tc, communicate_without_linger_waits_for_the_grandchild);
	ADD(tc, communicate_with_linger_waits_for_stages);
	ADD(tc, communicate_with_zero_linger_loses_nothing);
	ADD(tc, communicate_with_zero_timeout_has_what_is_there);
	ADD(tc, communicate_from_endless_input_ends_with_the_child);
	ADD(tc, communicate_with_sigchld_ignored_ends);

	tc = test_case(s, "limit");
	ADD(tc, communicate_over_limit_fails_and_stages_go_on);
	ADD(tc, communicate_over_limit_truncates_each_stream);
	ADD(tc, communicate_over_the_loops_limit_fails_or_truncates);
	ADD(tc, read_behind_a_communicate_over_its_limit_misses_nothing);
	ADD(tc, communicate_ends_with_a_stream_that_another_child_gets);
	ADD(tc, communicate_at_the_limit_of_a_stream_is_not_over_it);
	ADD(tc, communicate_at_limit_is_not_over_it);
	ADD(tc, communicate_one_byte_around_the_limit_is_exact);
	ADD(tc, communicate_endless_truncated_is_ended_by_deadline);
	ADD(tc,
	    communicate_keeps_its_output_from_another_process);
	return s;
}
