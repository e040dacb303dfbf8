/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_pipe_each_line(): whose line it is, when it came, that each comes
 * once and in order; and each way in which it ends.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/pattern.h"

#define EACH_ERR IN_OUT_PIPES, .err.kind = AFIO_PIPE_EACH

static struct rig rig;
static struct af_pipe *chain;
static struct af_future *whole;

/* What came, as "STAGE.STREAM LINE", and what to do at the n-th call. */
static char text[4096];
static unsigned calls, act_at, last_flags;
static int act_returns;
static void (*act)(void);
static bool inside;

static int take(const struct af_line *line, void *arg)
{
	size_t at = strlen(text);

	ck_assert_ptr_eq(arg, text);
	ck_assert(!inside);
	inside = true;
	snprintf(text + at, sizeof text - at, "%d.%d %.*s", line->stage,
		 line->stream, (int)line->len, line->data);
	last_flags = line->flags;
	if (++calls == act_at && act)
		act();
	inside = false;
	return calls == act_at ? act_returns : 0;
}

static struct af_future *each_line(void)
{
	whole = af_pipe_each_line(chain, take, text);
	return whole;
}

/* It ended early, having handed out so many bytes. */
#define expect_ended(f, error, count)                                          \
	check_outcome(__FILE__, __LINE__, &rig, (f), (error), (count), 0)

static void open_chain(int i, const char *const *const stages[],
		       const struct af_spawn_options *options)
{
	rig_open(&rig, i);
	text[0] = '\0';
	calls = act_at = last_flags = 0;
	act_returns = 0;
	act = NULL;
	chain = start_chain(&rig, stages, options);
}

/* "a", "b" and "c" to stdout, then "e" to stderr, and a cat that lives on. */
static void open_speaker(int i)
{
	static const char script[] =
		"printf 'a\\nb\\nc\\n'; printf 'e\\n' >&2; exec cat";
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };

	open_chain(i, CHAIN(argv), WITH(ALL_PIPES));
	/* Nothing of it is read yet, but all is there. */
	expect_text(&rig, af_pipe_readline_stderr(chain, 0, 0, 0, NULL), "e\n",
		    0);
}

static void close_chain(void)
{
	af_pipe_close(chain);
	rig_close(&rig);
}

/* Lets the chain end, which nobody listens to any more. */
static void end_chain(void)
{
	struct af_future *f;

	af_pipe_close_stdin(chain);
	f = af_pipe_wait(chain, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	close_chain();
}

static void say(const char *words)
{
	expect_count(
		&rig,
		af_pipe_write(chain, words, strlen(words), AFIO_FULL, NULL),
		strlen(words), 0);
}

/* Ended with all that there was. */
static void expect_whole(struct af_future *f, size_t count, int status)
{
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), AFIO_EOF);
	ck_assert_uint_eq(af_future_count(f), count);
	ck_assert_int_eq(af_future_status(f), status);
	af_future_unref(f);
}

static void expect_has(const char *words)
{
	ck_assert_msg(strstr(text, words), "no '%s' in '%s'", words, text);
}

START_TEST(line_of_merged_stderr_is_of_no_stage)
{
	open_chain(_i, CHAIN(HELPER("tag", "x"), HELPER("tag", "y")),
		   WITH(ALL_PIPES));
	say("one\n\ntwo");
	af_pipe_close_stdin(chain);
	expect_whole(each_line(), 12, 0);
	ck_assert_uint_eq(calls, 5);
	expect_has("-1.2 x\n");
	expect_has("-1.2 y\n");
	expect_has("1.1 one\n");
	expect_has("1.1 \n");
	expect_has("1.1 two");
	close_chain();
}
END_TEST

START_TEST(line_of_stderr_each_is_of_its_stage)
{
	open_chain(_i,
		   CHAIN(HELPER("tag", "x"), HELPER("tag", "y"),
			 HELPER("tag", "z")),
		   WITH(EACH_ERR));
	say("one\n");
	af_pipe_close_stdin(chain);
	expect_whole(each_line(), 10, 0);
	ck_assert_uint_eq(calls, 4);
	expect_has("0.2 x\n");
	expect_has("1.2 y\n");
	expect_has("2.2 z\n");
	expect_has("2.1 one\n");
	close_chain();
}
END_TEST

START_TEST(line_of_a_process_alone_is_of_stage_0)
{
	rig_open(&rig, _i);
	chain = af_pipe_new(start(&rig, HELPER("tag", "x"), WITH(ALL_PIPES)),
			    NULL);
	af_pipe_close_stdin(chain);
	expect_whole(each_line(), 2, 0);
	ck_assert_str_eq(text, "0.2 x\n");
	close_chain();
}
END_TEST

/* What is said after the library has read something comes after it. */
static void answer(void)
{
	af_future_unref(af_pipe_write(chain, "yes\n", 4, AFIO_FULL, NULL));
	af_pipe_close_stdin(chain);
}

START_TEST(line_that_follows_from_another_comes_after_it)
{
	struct af_future *f;

	open_chain(_i, CHAIN(HELPER("tag", "ready?")), WITH(ALL_PIPES));
	act_at = 1;
	act = answer;
	f = each_line();
	ck_assert_uint_eq(calls, 0); /* not inside the call */
	expect_whole(f, 11, 0);
	ck_assert_str_eq(text, "0.2 ready?\n0.1 yes\n");
	close_chain();
}
END_TEST

/* The pattern, of which each stream has brought so much, in order. */
static size_t brought[2];

static int compare(const struct af_line *line, void *arg)
{
	size_t *so_far = (size_t *)arg + line->stream - 1;

	ck_assert_int_eq(line->stage, 0);
	ck_assert_uint_le(line->len, AFIO_MAX_LINE);
	ck_assert_uint_eq(pattern_match(line->data, line->len, *so_far),
			  line->len);
	ck_assert_ptr_null(memchr(line->data, '\n', line->len - 1));
	*so_far += line->len;
	if (line->data[line->len - 1] != '\n')
		ck_assert_uint_eq(line->flags, AFIO_EOF);
	else
		ck_assert_uint_eq(line->flags, 0);
	return 0;
}

START_TEST(lines_of_each_stream_come_once_and_in_order)
{
	open_chain(_i, CHAIN(HELPER("both", "3000000")), WITH(ALL_PIPES));
	brought[0] = brought[1] = 0;
	expect_whole(af_pipe_each_line(chain, compare, brought), 6000000, 0);
	ck_assert_uint_eq(brought[0], 3000000);
	ck_assert_uint_eq(brought[1], 3000000);
	close_chain();
}
END_TEST

static unsigned pieces;

static int count_pieces(const struct af_line *line, void *arg)
{
	const size_t *len = arg;
	size_t left = *len - pieces * (size_t)AFIO_MAX_LINE;

	pieces++;
	ck_assert_uint_eq(line->len,
			  left > AFIO_MAX_LINE ? AFIO_MAX_LINE : left);
	ck_assert_uint_eq(line->flags,
			  left >= AFIO_MAX_LINE ? AFIO_TRUNCATED : AFIO_EOF);
	return 0;
}

/* Around the limit, and far beyond it. */
START_TEST(line_without_end_comes_in_pieces)
{
	static const size_t sizes[] = { 65535, 65536, 65537, 131072, 10000000 };
	char number[24];
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t len = sizes[i];

		snprintf(number, sizeof number, "%zu", len);
		open_chain(_i, CHAIN(HELPER("head", number)),
			   WITH(.in = TO_FD(zero), .out.kind = AFIO_PIPE));
		pieces = 0;
		expect_whole(af_pipe_each_line(chain, count_pieces, &len), len,
			     0);
		ck_assert_uint_eq(pieces,
				  (len + AFIO_MAX_LINE - 1) / AFIO_MAX_LINE);
		close_chain();
	}
	close(zero);
}
END_TEST

static size_t lens[4];
static unsigned flags[4];

static int note(const struct af_line *line, void *arg)
{
	(void)arg;
	ck_assert_uint_lt(calls, 4);
	lens[calls] = line->len;
	flags[calls++] = line->flags;
	return 0;
}

START_TEST(line_at_the_limit_is_whole_and_one_over_it_is_not)
{
	char *lines = malloc(2 * AFIO_MAX_LINE + 1);
	struct af_future *f;

	open_chain(_i, CHAIN(HELPER("cat")), WITH(IN_OUT_PIPES));
	memset(lines, 'x', 2 * AFIO_MAX_LINE + 1);
	lines[AFIO_MAX_LINE - 1] = lines[2 * AFIO_MAX_LINE] = '\n';
	f = af_pipe_write(chain, lines, 2 * AFIO_MAX_LINE + 1, AFIO_FULL, NULL);
	af_on_done(af_pipe_each_line(chain, note, NULL), NULL, NULL);
	expect_count(&rig, f, 2 * AFIO_MAX_LINE + 1, 0);
	af_pipe_close_stdin(chain);
	expect_status(&rig, af_pipe_wait(chain, NULL), 0);
	expect_whole(af_pipe_each_line(chain, note, NULL), 0, 0);
	ck_assert_uint_eq(calls, 3);
	ck_assert_uint_eq(lens[0], AFIO_MAX_LINE);
	ck_assert_uint_eq(flags[0], 0);
	ck_assert_uint_eq(lens[1], AFIO_MAX_LINE);
	ck_assert_uint_eq(flags[1], AFIO_TRUNCATED);
	ck_assert_uint_eq(lens[2], 1);
	ck_assert_uint_eq(flags[2], 0);
	close_chain();
	free(lines);
}
END_TEST

START_TEST(line_over_the_loops_limit_comes_in_pieces)
{
	rig_open(&rig, _i);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 4), 0);
	chain = start_chain(&rig, CHAIN(HELPER("cat")), WITH(IN_OUT_PIPES));
	expect_count(&rig,
		     af_pipe_write(chain, "123\n123456\n", 11, AFIO_FULL, NULL),
		     11, 0);
	af_pipe_close_stdin(chain);
	expect_status(&rig, af_pipe_wait(chain, NULL), 0);
	expect_whole(af_pipe_each_line(chain, note, NULL), 11, 0);
	ck_assert_uint_eq(calls, 3);
	ck_assert_uint_eq(lens[0], 4);
	ck_assert_uint_eq(flags[0], 0);
	ck_assert_uint_eq(lens[1], 4);
	ck_assert_uint_eq(flags[1], AFIO_TRUNCATED);
	ck_assert_uint_eq(lens[2], 3);
	ck_assert_uint_eq(flags[2], 0);
	close_chain();
}
END_TEST

START_TEST(line_over_its_own_limit_comes_in_pieces_below_the_loops)
{
	const size_t len = AFIO_MAX_LINE + 3;
	char *line = malloc(len);

	memset(line, 'x', len);
	line[len - 1] = '\n';
	rig_open(&rig, _i);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 2 * AFIO_MAX_LINE),
			 0);
	chain = start_chain(&rig, CHAIN(HELPER("cat")), WITH(IN_OUT_PIPES));
	af_future_unref(af_pipe_write(chain, line, len, AFIO_FULL, NULL));
	whole = af_pipe_each_line(chain, note, NULL);
	while (calls < 2)
		ck_assert_int_eq(af_await_for(whole, MS(1)), -ETIMEDOUT);
	ck_assert_uint_eq(lens[0], AFIO_MAX_LINE);
	ck_assert_uint_eq(flags[0], AFIO_TRUNCATED);
	ck_assert_uint_eq(lens[1], 3);
	ck_assert_uint_eq(flags[1], 0);
	af_pipe_close_stdin(chain);
	expect_whole(whole, len, 0);
	close_chain();
	free(line);
}
END_TEST

static int fail_at_piece(const struct af_line *line, void *arg)
{
	(void)arg;
	calls++;
	ck_assert_uint_eq(line->flags, AFIO_TRUNCATED);
	return -EPROTO;
}

/* The whole line is there by then. */
START_TEST(failure_at_a_piece_of_a_line_is_the_outcome)
{
	rig_open(&rig, _i);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, 4), 0);
	chain = start_chain(&rig, CHAIN(HELPER("cat")), WITH(IN_OUT_PIPES));
	expect_count(&rig, af_pipe_write(chain, "123456\n", 7, AFIO_FULL, NULL),
		     7, 0);
	af_pipe_close_stdin(chain);
	expect_status(&rig, af_pipe_wait(chain, NULL), 0);
	expect_ended(af_pipe_each_line(chain, fail_at_piece, NULL), -EPROTO, 4);
	ck_assert_uint_eq(calls, 1);
	expect_text(&rig,
		    af_file_readline(af_pipe_stdout(chain), 0, 0, 0, NULL),
		    "56\n", 0);
	close_chain();
}
END_TEST

/* The time of reading, not of the call: a slow function does not change it. */
static struct timeval times[3];

static int note_time(const struct af_line *line, void *arg)
{
	struct af_future *sleep = af_sleep(rig.loop, MS(20));

	(void)arg;
	times[calls++] = line->time;
	ck_assert_int_eq(af_await(sleep), 0);
	af_future_unref(sleep);
	return 0;
}

START_TEST(line_has_the_time_at_which_it_was_read)
{
	struct timeval start, end;

	open_speaker(_i);
	af_pipe_close_stdin(chain);
	gettimeofday(&start, NULL);
	expect_whole(af_pipe_each_line(chain, note_time, NULL), 6, 0);
	gettimeofday(&end, NULL);
	ck_assert_uint_eq(calls, 3);
	ck_assert(!timercmp(&times[0], &start, <));
	ck_assert(timercmp(&times[0], &end, <));
	ck_assert_mem_eq(&times[1], &times[0], sizeof times[0]);
	ck_assert_mem_eq(&times[2], &times[0], sizeof times[0]);
	close_chain();
}
END_TEST

START_TEST(stop_leaves_the_rest_in_the_files)
{
	struct af_future *f;

	open_speaker(_i);
	act_at = 2;
	act_returns = 1;
	f = each_line();
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), 0);
	ck_assert_uint_eq(af_future_count(f), 4);
	ck_assert_int_eq(af_future_status(f), -1);
	af_future_unref(f);
	ck_assert_str_eq(text, "0.1 a\n0.1 b\n");
	expect_text(&rig, af_pipe_readline(chain, 0, 0, 0, NULL), "c\n", 0);
	end_chain();
}
END_TEST

/* Which stream comes first is not promised. */
START_TEST(stop_at_one_stream_leaves_the_other_alone)
{
	struct af_future *f;
	size_t from_out;

	open_chain(_i, CHAIN(HELPER("both", "1000")), WITH(ALL_PIPES));
	await_zombie(af_process_pid(af_pipe_process(chain, 0)));
	act_at = 1;
	act_returns = 1;
	f = each_line();
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(af_future_status(f), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(af_future_count(f), 11); /* the pattern's first */
	af_future_unref(f);
	from_out = strncmp(text, "0.1 ", 4) == 0 ? 11 : 0;
	expect_data_pattern(&rig, af_pipe_read(chain, 0, 0, NULL),
			    1000 - from_out, from_out, AFIO_EOF);
	expect_data_pattern(&rig, af_pipe_read_stderr(chain, 0, 0, NULL),
			    1000 - (11 - from_out), 11 - from_out, AFIO_EOF);
	close_chain();
}
END_TEST

START_TEST(failure_of_the_function_is_the_outcome)
{
	/* Also those that mean something in here. */
	static const int errors[] = { -EIO, -ECANCELED, -ECHILD, -EAGAIN };

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		open_speaker(_i);
		act_at = 1;
		act_returns = errors[i];
		expect_ended(each_line(), errors[i], 2);
		expect_text(&rig, af_pipe_readline(chain, 0, 0, 0, NULL), "b\n",
			    0);
		end_chain();
	}
}
END_TEST

START_TEST(cancel_leaves_the_rest_and_another_goes_on)
{
	struct af_future *f;

	open_speaker(_i);
	f = each_line();
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	ck_assert_uint_eq(calls, 0);
	say("d\n");
	af_pipe_close_stdin(chain);
	expect_whole(each_line(), 8, 0);
	ck_assert_str_eq(text, "0.1 a\n0.1 b\n0.1 c\n0.1 d\n");
	close_chain();
}
END_TEST

static void cancel_whole(void)
{
	af_future_cancel(whole);
}

START_TEST(cancel_by_the_function_ends_the_calls)
{
	open_speaker(_i);
	act_at = 1;
	act = cancel_whole;
	expect_ended(each_line(), -ECANCELED, 2);
	ck_assert_uint_eq(calls, 1);
	expect_text(&rig, af_pipe_readline(chain, 0, 0, 0, NULL), "b\n", 0);
	end_chain();
}
END_TEST

static void close_the_chain(void)
{
	af_pipe_close(chain);
	chain = NULL;
}

START_TEST(close_by_the_function_ends_the_calls)
{
	pid_t pid;

	open_speaker(_i);
	pid = af_process_pid(af_pipe_process(chain, 0));
	act_at = 1;
	act = close_the_chain;
	expect_ended(each_line(), -ECANCELED, 2);
	ck_assert_uint_eq(calls, 1);
	expect_reaped(&rig, pid);
	close_chain();
}
END_TEST

START_TEST(close_of_the_pipe_cancels)
{
	struct af_future *f;
	pid_t pid;

	open_speaker(_i);
	pid = af_process_pid(af_pipe_process(chain, 0));
	f = each_line();
	close_the_chain();
	expect_error(&rig, f, -ECANCELED);
	ck_assert_uint_eq(calls, 0);
	expect_reaped(&rig, pid);
	close_chain();
}
END_TEST

START_TEST(free_of_the_loop_cancels)
{
	open_speaker(_i);
	each_line();
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(whole), -ECANCELED);
	af_future_unref(whole);
	af_pipe_close(chain);
	/* Its input closed, it ends; maybe before the pipe is quite closed. */
	ck_assert(waitpid(-1, NULL, 0) > 0 || errno == ECHILD);
	rig_close(&rig);
}
END_TEST

START_TEST(timeout_bounds_it_and_stages_go_on)
{
	const char *all = "0.1 a\n0.1 b\n0.1 c\n";
	int64_t since;

	open_speaker(_i);
	/* With more time until the stage had spoken in it. */
	for (int ms = 50; strlen(text) < strlen(all); ms *= 2) {
		since = now_us();
		expect_error(&rig, af_with_timeout(each_line(), MS(ms)),
			     -ETIMEDOUT);
		expect_elapsed(since, ms);
	}
	ck_assert_str_eq(text, all);
	say("d\n");
	af_pipe_close_stdin(chain);
	expect_whole(each_line(), 2, 0);
	close_chain();
}
END_TEST

static void sleep_a_little(void)
{
	struct af_future *sleep = af_sleep(rig.loop, MS(30));

	ck_assert_int_eq(af_await(sleep), 0);
	af_future_unref(sleep);
	act_at++;
}

/* take() fails if it is called while it waits. */
START_TEST(function_that_waits_is_not_called_meanwhile)
{
	open_chain(_i,
		   CHAIN(HELPER("tag", "x"), HELPER("tag", "y"),
			 HELPER("tag", "z")),
		   WITH(EACH_ERR));
	say("a\nb\n");
	af_pipe_close_stdin(chain);
	act_at = 1;
	act = sleep_a_little;
	expect_whole(each_line(), 10, 0);
	ck_assert_uint_eq(calls, 5);
	close_chain();
}
END_TEST

/* A stream's turn comes after a read of it that was asked for before. */
START_TEST(function_that_waits_lets_reads_before_go_first)
{
	struct af_process *first;
	struct af_future *read;

	open_chain(_i,
		   CHAIN(HELPER("tag", "x"), HELPER("tag", "y"),
			 HELPER("tag", "z")),
		   WITH(EACH_ERR));
	first = af_pipe_process(chain, 0);
	read = af_file_read(af_process_stderr(first), 100, AFIO_FULL, NULL);
	say("a\n");
	act_at = 1;
	act = sleep_a_little;
	each_line();
	while (calls < 3)
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	af_future_cancel(whole);
	ck_assert_int_eq(drive(&rig, whole), -ECANCELED);
	af_future_unref(whole);
	ck_assert_ptr_null(strstr(text, "0.2"));
	ck_assert(!af_future_is_done(read));
	af_future_cancel(read);
	af_future_unref(read);
	expect_text(&rig,
		    af_file_readline(af_process_stderr(first), 0, 0, 0, NULL),
		    "x\n", 0);
	end_chain();
}
END_TEST

static void wait_for_whole(void)
{
	ck_assert_int_eq(af_await(whole), -EDEADLK);
}

START_TEST(function_that_waits_for_the_whole_is_a_deadlock)
{
	open_speaker(_i);
	af_pipe_close_stdin(chain);
	act_at = 2;
	act = wait_for_whole;
	expect_whole(each_line(), 6, 0);
	close_chain();
}
END_TEST

static int count_call(const struct af_line *line, void *arg)
{
	ck_assert_uint_eq(line->len, 2);
	++*(unsigned *)arg;
	return 0;
}

START_TEST(endless_lines_let_others_have_their_turn)
{
	struct af_future *f;
	pid_t pid;

	open_chain(_i, CHAIN(HELPER("endless")), WITH(.out.kind = AFIO_PIPE));
	pid = af_process_pid(af_pipe_process(chain, 0));
	f = af_pipe_each_line(chain, count_call, &calls);
	put_text(rig.out, "line\n");
	expect_text(&rig, af_file_readline(rig_reader(&rig), 0, 0, 0, NULL),
		    "line\n", 0);
	while (calls == 0)
		expect_error(&rig, af_sleep(rig.loop, MS(10)), 0);
	af_future_cancel(f);
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	ck_assert_uint_eq(af_future_count(f), 2 * (size_t)calls);
	af_future_unref(f);
	close_the_chain();
	expect_reaped(&rig, pid);
	close_chain();
}
END_TEST

START_TEST(stages_that_failed_are_told_by_the_status)
{
	open_chain(_i, CHAIN(HELPER("exit", "3"), HELPER("tag", "x")),
		   WITH(.err.kind = AFIO_PIPE));
	expect_whole(each_line(), 2, EXITED(3));
	ck_assert_str_eq(text, "-1.2 x\n");
	close_chain();
}
END_TEST

START_TEST(stages_without_pipes_are_waited_for)
{
	open_chain(_i, CHAIN(HELPER("exit", "3")), NULL);
	expect_whole(each_line(), 0, EXITED(3));
	close_chain();
}
END_TEST

START_TEST(stages_whose_status_is_lost_end)
{
	struct af_future *f;

	signal(SIGCHLD, SIG_IGN);
	open_chain(_i, CHAIN(HELPER("echo", "x")), WITH(ALL_PIPES));
	f = each_line();
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert(af_future_status(f) == 0 || af_future_status(f) == -1);
	ck_assert_str_eq(text, "0.1 x\n");
	af_future_unref(f);
	close_chain();
}
END_TEST

START_TEST(stdin_is_left_alone)
{
	open_chain(_i, CHAIN(HELPER("wait-eof")), WITH(ALL_PIPES));
	expect_error(&rig, af_with_timeout(each_line(), MS(50)), -ETIMEDOUT);
	say("something\n");
	af_pipe_close_stdin(chain);
	expect_whole(each_line(), 4, 0);
	close_chain();
}
END_TEST

START_TEST(grandchild_that_holds_stderr_keeps_it_going)
{
	struct af_future *f;
	int in[2];

	make_pair(KIND_PIPE, in);
	open_chain(_i, CHAIN(HELPER("grandchild", "3")),
		   WITH(.in = TO_FD(in[0]), .out.kind = AFIO_NULL,
			.err.kind = AFIO_PIPE));
	close(in[0]);
	f = each_line();
	expect_status(&rig, af_pipe_wait(chain, NULL), EXITED(3));
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	close(in[1]);
	expect_whole(f, 0, EXITED(3));
	close_chain();
}
END_TEST

START_TEST(future_that_was_dropped_goes_on)
{
	open_speaker(_i);
	af_pipe_close_stdin(chain);
	af_future_unref(each_line());
	expect_status(&rig, af_pipe_wait(chain, NULL), 0);
	while (calls < 3)
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	ck_assert_str_eq(text, "0.1 a\n0.1 b\n0.1 c\n");
	close_chain();
}
END_TEST

START_TEST(use_with_nonsense_is_invalid)
{
	open_chain(0, CHAIN(HELPER("exit", "0")), NULL);
	expect_error(&rig, af_pipe_each_line(NULL, take, NULL), -EINVAL);
	expect_error(&rig, af_pipe_each_line(chain, NULL, NULL), -EINVAL);
	end_chain();
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/each_line");
	TCase *tc = test_case(s, "line");

	ADD(tc, line_of_merged_stderr_is_of_no_stage);
	ADD(tc, line_of_stderr_each_is_of_its_stage);
	ADD(tc, line_of_a_process_alone_is_of_stage_0);
	ADD(tc, line_that_follows_from_another_comes_after_it);
	ADD(tc, lines_of_each_stream_come_once_and_in_order);
	ADD(tc, line_without_end_comes_in_pieces);
	ADD(tc, line_at_the_limit_is_whole_and_one_over_it_is_not);
	ADD(tc, line_over_the_loops_limit_comes_in_pieces);
	ADD(tc, line_has_the_time_at_which_it_was_read);

	tc = test_case(s, "end");
	ADD(tc, stop_leaves_the_rest_in_the_files);
	ADD(tc, stop_at_one_stream_leaves_the_other_alone);
	ADD(tc, failure_of_the_function_is_the_outcome);
	ADD(tc, cancel_leaves_the_rest_and_another_goes_on);
	ADD(tc, cancel_by_the_function_ends_the_calls);
	ADD(tc, close_by_the_function_ends_the_calls);
	ADD(tc, close_of_the_pipe_cancels);
	ADD(tc, free_of_the_loop_cancels);
	ADD(tc, timeout_bounds_it_and_stages_go_on);
	ADD(tc, stages_that_failed_are_told_by_the_status);
	ADD(tc, stages_without_pipes_are_waited_for);
	ADD(tc, stages_whose_status_is_lost_end);
	ADD(tc, stdin_is_left_alone);
	ADD(tc, grandchild_that_holds_stderr_keeps_it_going);
	ADD(tc, future_that_was_dropped_goes_on);
	tcase_add_test(tc, use_with_nonsense_is_invalid);

	tc = test_case(s, "function");
	ADD(tc, function_that_waits_is_not_called_meanwhile);
	ADD(tc, function_that_waits_lets_reads_before_go_first);
	ADD(tc, function_that_waits_for_the_whole_is_a_deadlock);
	ADD(tc, endless_lines_let_others_have_their_turn);
	tcase_add_loop_test(
		tc, line_over_its_own_limit_comes_in_pieces_below_the_loops, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, failure_at_a_piece_of_a_line_is_the_outcome, 0,
			    DRIVE_COUNT);
	return s;
}
