/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of pipes: made of processes and spawned as chains, what goes through
 * them, how they end and which stage speaks for all.
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/scratch.h"

#define MAX_STAGES 20

/* Writes a text, ends the input, and reads the text back from the end. */
static void expect_passes(struct rig *rig, struct af_pipe *pipe)
{
	expect_count(rig, af_pipe_write(pipe, "one\ntwo\n", 8, AFIO_FULL, NULL),
		     8, 0);
	expect_text(rig, af_pipe_readline(pipe, 0, 0, 0, NULL), "one\n", 0);
	ck_assert_int_eq(af_pipe_close_stdin(pipe), 0);
	expect_text(rig, af_pipe_read(pipe, 0, 0, NULL), "two\n", AFIO_EOF);
}

START_TEST(new_of_one_process_reads_and_writes_it)
{
	struct af_process *process;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	pipe = af_pipe_new(process, NULL);
	ck_assert_ptr_nonnull(pipe);
	ck_assert_uint_eq(af_pipe_stages(pipe), 1);
	ck_assert_ptr_eq(af_pipe_process(pipe, 0), process);
	ck_assert_ptr_eq(af_pipe_stdin(pipe), af_process_stdin(process));
	ck_assert_ptr_eq(af_pipe_stdout(pipe), af_process_stdout(process));
	ck_assert_ptr_null(af_pipe_stderr(pipe));
	expect_passes(&rig, pipe);
	expect_success(&rig, pipe);
	process = start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	pipe = af_pipe_new(process, process);
	ck_assert_uint_eq(af_pipe_stages(pipe), 1);
	expect_passes(&rig, pipe);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(new_of_two_processes_spans_both)
{
	struct af_process *first, *last;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	first = start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	last = start(&rig, HELPER("cat"),
		     WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			  .out.kind = AFIO_PIPE));
	pipe = af_pipe_new(first, last);
	ck_assert_ptr_nonnull(pipe);
	ck_assert_uint_eq(af_pipe_stages(pipe), 2);
	ck_assert_ptr_eq(af_pipe_process(pipe, 0), first);
	ck_assert_ptr_eq(af_pipe_process(pipe, 1), last);
	ck_assert_ptr_eq(af_pipe_stdin(pipe), af_process_stdin(first));
	ck_assert_ptr_eq(af_pipe_stdout(pipe), af_process_stdout(last));
	expect_passes(&rig, pipe);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_chain_of_any_length_passes_bytes_on)
{
	static const int lengths[] = { 1, 2, 3, MAX_STAGES };
	const char *const *stages[MAX_STAGES + 1] = { NULL };
	const char *const *cat = HELPER("cat");
	size_t len = (size_t)lengths[_i / DRIVE_COUNT];
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i % DRIVE_COUNT);
	for (size_t i = 0; i < len; i++)
		stages[i] = cat;
	pipe = start_chain(&rig, stages, WITH(IN_OUT_PIPES));
	ck_assert_uint_eq(af_pipe_stages(pipe), len);
	ck_assert_ptr_null(af_pipe_process(pipe, len));
	ck_assert_int_eq(af_pipe_status(pipe, len), -1);
	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(af_pipe_status(pipe, i), -1);
	expect_passes(&rig, pipe);
	expect_status(&rig, af_pipe_wait(pipe, NULL), 0);
	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(af_pipe_status(pipe, i), 0);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_chain_with_missing_program_leaves_nothing)
{
	const char *const missing[] = { "./missing", NULL };
	const char *const *stages[5] = { NULL };
	const char *const *hold = HELPER("hold", "0");
	struct rig rig;

	rig_open(&rig, 0);
	for (int bad = 0; bad < 4; bad++) {
		for (int i = 0; i < 4; i++)
			stages[i] = i == bad ? missing : hold;
		errno = 0;
		ck_assert_ptr_null(af_pipe_spawn(rig.loop, stages,
						 WITH(.in = TO_FD(rig.in),
						      .out.kind = AFIO_PIPE,
						      .err.kind = AFIO_PIPE)));
		ck_assert_int_eq(errno, ENOENT);
		expect_no_child();
	}
	rig_close(&rig);
}
END_TEST

static void expect_no_chain(struct rig *rig, const char *const *const stages[],
			    const struct af_spawn_options *options)
{
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn(rig->loop, stages, options));
	ck_assert_int_eq(errno, EINVAL);
	expect_no_child();
}

START_TEST(spawn_chain_with_nonsense_is_invalid)
{
	const char *const *ok = HELPER("exit", "0");
	const char *const empty[] = { NULL };
	struct rig rig;

	rig_open(&rig, 0);
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn(NULL, CHAIN(ok), NULL));
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_ptr_null(af_pipe_new(NULL, NULL));
	ck_assert_int_eq(errno, EINVAL);
	expect_no_chain(&rig, NULL, NULL);
	expect_no_chain(&rig, (const char *const *const[]){ NULL }, NULL);
	expect_no_chain(&rig, CHAIN(ok, empty, ok), NULL);
	expect_no_chain(&rig, CHAIN(ok, ok), WITH(.program = "cat"));
	expect_no_chain(&rig, CHAIN(ok), WITH(.program_fd = &rig.in));
	expect_no_chain(&rig, CHAIN(ok, ok), WITH(.out.kind = AFIO_STDOUT));
	rig_close(&rig);
}
END_TEST

START_TEST(use_of_null_pipe_is_invalid)
{
	int status = 1234;
	struct rig rig;

	rig_open(&rig, 0);
	expect_error(&rig, af_pipe_write(NULL, "x", 1, 0, NULL), -EINVAL);
	expect_error(&rig, af_pipe_read(NULL, 1, 0, NULL), -EINVAL);
	expect_error(&rig, af_pipe_readline(NULL, 0, 0, 0, NULL), -EINVAL);
	expect_error(&rig, af_pipe_read_stderr(NULL, 1, 0, NULL), -EINVAL);
	expect_error(&rig, af_pipe_readline_stderr(NULL, 0, 0, 0, NULL),
		     -EINVAL);
	expect_error(&rig, af_pipe_wait(NULL, NULL), -EINVAL);
	expect_error(&rig, af_pipe_communicate(NULL, NULL), -EINVAL);
	expect_error(&rig, af_pipe_finish_stdin(NULL, NULL), -EINVAL);
	ck_assert_int_eq(af_pipe_close_stdin(NULL), -EINVAL);
	ck_assert(!af_pipe_poll(NULL, &status));
	ck_assert_int_eq(status, 1234);
	ck_assert_uint_eq(af_pipe_stages(NULL), 0);
	ck_assert_ptr_null(af_pipe_process(NULL, 0));
	ck_assert_int_eq(af_pipe_status(NULL, 0), -1);
	ck_assert_ptr_null(af_pipe_stdin(NULL));
	ck_assert_ptr_null(af_pipe_stdout(NULL));
	ck_assert_ptr_null(af_pipe_stderr(NULL));
	af_pipe_close(NULL);
	rig_close(&rig);
}
END_TEST

static int stop_line(const struct af_line *line, void *arg)
{
	(void)line;
	(void)arg;
	return 1;
}

static void *use_elsewhere(void *arg)
{
	struct af_pipe *pipe = arg;
	struct af_loop *loop = af_pipe_loop(pipe);
	struct af_process *const first = af_pipe_process(pipe, 0);
	const struct af_stage stage = { .argv = HELPER("exit", "0") };
	struct af_future *const made[] = {
		af_pipe_wait(pipe, NULL),
		af_pipe_stop(pipe, NULL),
		af_pipe_communicate(pipe, NULL),
		af_pipe_each_line(pipe, stop_line, NULL),
		af_pipe_each_chunk(pipe, stop_line, NULL),
		af_pipe_finish_stdin(pipe, NULL),
		af_pipe_spawn_async(loop, CHAIN(stage.argv), NULL),
		af_pipe_spawn_stages_async(loop, &stage, 1, NULL),
	};

	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		ck_assert_int_eq(af_future_error(made[i]), -EPERM);
		af_future_unref(made[i]);
	}
	errno = 0;
	ck_assert_ptr_null(af_pipe_spawn_stages(loop, &stage, 1, NULL));
	ck_assert_int_eq(errno, EPERM);
	errno = 0;
	ck_assert_ptr_null(af_pipe_from(&first, 1));
	ck_assert_int_eq(errno, EPERM);
	errno = 0;
	ck_assert_ptr_null(
		af_pipe_spawn(loop, CHAIN(HELPER("exit", "0")), NULL));
	ck_assert_int_eq(errno, EPERM);
	errno = 0;
	ck_assert_ptr_null(af_pipe_new(af_pipe_process(pipe, 0), NULL));
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(af_pipe_close_stdin(pipe), -EPERM);
	return NULL;
}

START_TEST(use_on_another_thread_is_eperm)
{
	struct af_pipe *pipe;
	pthread_t thread;
	struct rig rig;

	rig_open(&rig, 0);
	pipe = start_chain(&rig, CHAIN(HELPER("cat"), HELPER("cat")),
			   WITH(IN_OUT_PIPES));
	ck_assert_ptr_eq(af_pipe_loop(pipe), rig.loop);
	ck_assert_ptr_null(af_pipe_loop(NULL));
	ck_assert_int_eq(pthread_create(&thread, NULL, use_elsewhere, pipe), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(af_pipe_close_stdin(pipe), 0);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(use_of_streams_that_are_no_pipes_is_ebadf)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, 0);
	pipe = start_chain(&rig, CHAIN(HELPER("exit", "0")), NULL);
	expect_error(&rig, af_pipe_write(pipe, "x", 1, 0, NULL), -EBADF);
	expect_error(&rig, af_pipe_read(pipe, 1, 0, NULL), -EBADF);
	expect_error(&rig, af_pipe_readline(pipe, 0, 0, 0, NULL), -EBADF);
	expect_error(&rig, af_pipe_read_stderr(pipe, 1, 0, NULL), -EBADF);
	expect_error(&rig, af_pipe_readline_stderr(pipe, 0, 0, 0, NULL),
		     -EBADF);
	expect_success(&rig, pipe);

	pipe = start_chain(&rig, CHAIN(HELPER("cat")), WITH(IN_OUT_PIPES));
	ck_assert_int_eq(af_pipe_close_stdin(pipe), 0);
	ck_assert_int_eq(af_pipe_close_stdin(pipe), 0);
	expect_error(&rig, af_pipe_write(pipe, "x", 1, 0, NULL), -EBADF);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

/* Two stages, whose lines come in either order. */
static void expect_both_tags(const char *text)
{
	ck_assert(strcmp(text, "a\nb\n") == 0 || strcmp(text, "b\na\n") == 0);
}

START_TEST(spawn_chain_with_piped_stderr_merges_all_stages)
{
	struct af_future *line, *rest;
	struct af_pipe *pipe;
	char text[8] = "";
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("tag", "a"), HELPER("tag", "b")),
			   WITH(ALL_PIPES));
	ck_assert_ptr_nonnull(af_pipe_stderr(pipe));
	line = af_pipe_readline_stderr(pipe, 0, 0, 0, NULL);
	ck_assert_int_eq(drive(&rig, line), 0);
	expect_passes(&rig, pipe);
	rest = af_pipe_read_stderr(pipe, 0, 0, NULL);
	ck_assert_int_eq(drive(&rig, rest), 0);
	strncat(text, af_future_data(line, NULL), 3);
	strncat(text, af_future_data(rest, NULL), 3);
	expect_both_tags(text);
	af_future_unref(line);
	af_future_unref(rest);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_chain_with_stderr_as_stdout_sends_each_along)
{
	struct af_future *read;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("tag", "a"), HELPER("tag", "b")),
			   WITH(IN_OUT_PIPES, .err.kind = AFIO_STDOUT));
	ck_assert_ptr_null(af_pipe_stderr(pipe));
	af_pipe_close_stdin(pipe);
	read = af_pipe_read(pipe, 0, 0, NULL);
	ck_assert_int_eq(drive(&rig, read), 0);
	expect_both_tags(af_future_data(read, NULL));
	af_future_unref(read);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

/* Opened once: each stage for itself would cut off what others had written. */
START_TEST(spawn_chain_with_paths_uses_them_at_its_ends)
{
	struct rig rig;
	char text[5] = "";
	int fd;

	rig_open(&rig, 0);
	make_file("in", "through two", 0600);
	make_file("err", "what was there before", 0600);
	expect_success(
		&rig,
		start_chain(&rig, CHAIN(HELPER("tag", "a"), HELPER("tag", "b")),
			    WITH(.in = { .kind = AFIO_PATH, .path = "in" },
				 .out = { .kind = AFIO_PATH, .path = "out" },
				 .err = { .kind = AFIO_PATH, .path = "err" })));
	expect_file("out", "through two");
	fd = open("err", O_RDONLY | O_CLOEXEC);
	get(fd, text, 4);
	expect_both_tags(text);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 4);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_chain_reading_a_process_continues_it)
{
	struct af_process *before;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	before =
		start(&rig, HELPER("echo", "one"), WITH(.out.kind = AFIO_PIPE));
	pipe = start_chain(
		&rig, CHAIN(HELPER("cat"), HELPER("cat")),
		WITH(.in = { .kind = AFIO_PROCESS, .process = before },
		     .out.kind = AFIO_PIPE));
	ck_assert_ptr_null(af_process_stdout(before));
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "one\n", AFIO_EOF);
	expect_success(&rig, pipe);
	expect_exit(&rig, before, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_chain_with_cwd_and_env_gives_them_to_every_stage)
{
	const char *const env[] = { "A=1", NULL };
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, 0);
	pipe = start_chain(&rig, CHAIN(HELPER("dump-env"), HELPER("cat")),
			   WITH(.out.kind = AFIO_PIPE, .env = env));
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "A=1\n", AFIO_EOF);
	expect_success(&rig, pipe);
	pipe = start_chain(&rig, CHAIN(HELPER("exit", "0"), HELPER("cwd")),
			   WITH(.out.kind = AFIO_PIPE, .cwd = "/"));
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "/\n", AFIO_EOF);
	expect_success(&rig, pipe);
	rig_close(&rig);
}
END_TEST

/* A stage for each status: positive exits with it, negative dies of it. */
static const struct verdict {
	const char *name;
	int stages[4]; /* INT_MAX: no more of them */
	int status;
} verdicts[] = {
	{ "none failed", { 0, 0, 0, INT_MAX }, 0 },
	{ "the only one failed", { 3, INT_MAX }, EXITED(3) },
	{ "the first failed", { 3, 0, 0, INT_MAX }, EXITED(3) },
	{ "the middle failed", { 0, 4, 0, INT_MAX }, EXITED(4) },
	{ "all failed: the last counts", { 3, 4, 5, INT_MAX }, EXITED(5) },
	{ "two failed: the rightmost counts", { 3, 4, 0, INT_MAX }, EXITED(4) },
	{ "a signal is a failure", { -SIGTERM, 0, INT_MAX }, SIGTERM },
	{ "an exit to the right of a signal",
	  { -SIGTERM, 1, INT_MAX },
	  EXITED(1) },
	{ "a signal of the last", { 0, -SIGKILL, INT_MAX }, SIGKILL },
	{ "SIGPIPE of the first is excused", { -SIGPIPE, 0, INT_MAX }, 0 },
	{ "SIGPIPE of all but the last is excused",
	  { -SIGPIPE, -SIGPIPE, 0, INT_MAX },
	  0 },
	{ "a failure to the left of an excused one",
	  { 2, -SIGPIPE, 0, INT_MAX },
	  EXITED(2) },
	{ "SIGPIPE of the last counts", { 0, -SIGPIPE, INT_MAX }, SIGPIPE },
	{ "SIGPIPE of the only one counts", { -SIGPIPE, INT_MAX }, SIGPIPE },
	{ "an exit as shells report SIGPIPE is an exit",
	  { 128 + SIGPIPE, 0, INT_MAX },
	  EXITED(128 + SIGPIPE) },
};

static int wait_status_of(int stage)
{
	return stage < 0 ? -stage : EXITED(stage);
}

START_TEST(wait_for_failed_stages_gives_the_rightmost)
{
	const struct verdict *verdict = &verdicts[_i];
	const char *argvs[4][4], *const *stages[5] = { NULL };
	char numbers[4][12];
	struct af_future *wait;
	struct af_pipe *pipe;
	int n, status = 1234;
	struct rig rig;

	rig_open(&rig, 0);
	for (n = 0; verdict->stages[n] != INT_MAX; n++) {
		snprintf(numbers[n], sizeof *numbers, "%d",
			 abs(verdict->stages[n]));
		argvs[n][0] = helper_path();
		argvs[n][1] = verdict->stages[n] < 0 ? "kill-self" : "exit";
		argvs[n][2] = numbers[n];
		argvs[n][3] = NULL;
		stages[n] = argvs[n];
	}
	pipe = start_chain(&rig, stages, NULL);
	wait = af_pipe_wait(pipe, NULL);
	ck_assert_int_eq(drive(&rig, wait), 0);
	ck_assert_msg(af_future_status(wait) == verdict->status,
		      "%s: status is %#x", verdict->name,
		      (unsigned)af_future_status(wait));
	af_future_unref(wait);
	ck_assert(af_pipe_poll(pipe, &status));
	ck_assert_int_eq(status, verdict->status);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(af_pipe_status(pipe, (size_t)i),
				 wait_status_of(verdict->stages[i]));
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_for_writer_whose_reader_left_gives_success)
{
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("endless"), HELPER("sink", "10")),
			   NULL);
	expect_status(&rig, af_pipe_wait(pipe, NULL), 0);
	ck_assert_int_eq(af_pipe_status(pipe, 0), SIGPIPE);
	ck_assert_int_eq(af_pipe_status(pipe, 1), 0);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(wait_past_deadline_times_out_and_stages_go_on)
{
	struct timeval negative = { .tv_sec = -1 };
	struct af_future *canceled, *kept;
	struct af_pipe *pipe;
	struct rig rig;
	int64_t since;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("cat"), HELPER("cat")),
			   WITH(IN_OUT_PIPES));
	kept = af_pipe_wait(pipe, NULL);
	canceled = af_pipe_wait(pipe, NULL);
	since = now_us();
	expect_error(&rig, af_pipe_wait(pipe, MS(50)), -ETIMEDOUT);
	expect_elapsed(since, 50);
	expect_error(&rig, af_pipe_wait(pipe, MS(0)), -ETIMEDOUT);
	expect_error(&rig, af_pipe_wait(pipe, &negative), -EINVAL);
	af_future_cancel(canceled);
	expect_error(&rig, canceled, -ECANCELED);
	expect_passes(&rig, pipe);
	expect_status(&rig, kept, 0);
	expect_status(&rig, af_pipe_wait(pipe, MS(0)), 0);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* A kernel that tells the status of a child which it has reaped makes it 0. */
START_TEST(wait_for_a_stage_whose_status_is_lost_is_echild)
{
	struct af_future *wait;
	struct af_pipe *pipe;
	struct rig rig;
	int r, status;

	rig_open(&rig, _i);
	signal(SIGCHLD, SIG_IGN);
	pipe = start_chain(&rig, CHAIN(HELPER("exit", "0")), NULL);
	wait = af_pipe_wait(pipe, NULL);
	r = drive(&rig, wait);
	signal(SIGCHLD, SIG_DFL);
	ck_assert(af_pipe_poll(pipe, &status));
	ck_assert_int_eq(status, r == -ECHILD ? -1 : 0);
	ck_assert_int_eq(af_pipe_status(pipe, 0), status);
	if (r != -ECHILD)
		ck_assert_int_eq(r, 0);
	af_future_unref(wait);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(poll_is_true_once_every_stage_has_ended)
{
	struct af_pipe *pipe;
	int status = 1234;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig,
			   CHAIN(HELPER("hold", "0"), HELPER("exit", "3")),
			   WITH(.in = TO_FD(rig.in)));
	expect_status(&rig, af_process_wait(af_pipe_process(pipe, 1), NULL),
		      EXITED(3));
	ck_assert(!af_pipe_poll(pipe, &status));
	ck_assert_int_eq(status, 1234);
	ck_assert_int_eq(af_pipe_status(pipe, 0), -1);
	ck_assert_int_eq(af_pipe_status(pipe, 1), EXITED(3));
	rig_hang_up(&rig);
	await_zombie(af_process_pid(af_pipe_process(pipe, 0)));
	ck_assert(af_pipe_poll(pipe, NULL));
	ck_assert(af_pipe_poll(pipe, &status));
	ck_assert_int_eq(status, EXITED(3));
	ck_assert_int_eq(af_pipe_status(pipe, 0), 0);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

START_TEST(close_with_children_alive_cancels_and_reaps)
{
	struct af_future *pending[4];
	struct af_pipe *pipe;
	struct rig rig;
	pid_t pids[3];

	rig_open(&rig, _i);
	pipe = start_chain(&rig,
			   CHAIN(HELPER("cat"), HELPER("cat"), HELPER("cat")),
			   WITH(ALL_PIPES));
	for (size_t i = 0; i < 3; i++)
		pids[i] = af_process_pid(af_pipe_process(pipe, i));
	pending[0] = af_pipe_wait(pipe, MS(30000));
	pending[1] = af_pipe_wait(pipe, NULL);
	pending[2] = af_pipe_read(pipe, 0, 0, NULL);
	pending[3] = af_pipe_read_stderr(pipe, 0, 0, NULL);
	af_pipe_close(pipe);
	for (size_t i = 0; i < 4; i++)
		expect_error(&rig, pending[i], -ECANCELED);
	for (size_t i = 0; i < 3; i++)
		expect_reaped(&rig, pids[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(free_loop_before_pipe_cancels_its_operations)
{
	struct af_future *wait, *read;
	struct af_pipe *pipe;
	struct rig rig;

	rig_open(&rig, _i);
	pipe = start_chain(&rig, CHAIN(HELPER("cat"), HELPER("cat")),
			   WITH(IN_OUT_PIPES));
	wait = af_pipe_wait(pipe, MS(30000));
	read = af_pipe_read(pipe, 0, 0, NULL);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(wait), -ECANCELED);
	ck_assert_int_eq(af_future_error(read), -ECANCELED);
	af_future_unref(wait);
	af_future_unref(read);
	af_pipe_close(pipe);
	while (waitpid(-1, NULL, 0) > 0)
		;
	ck_assert_int_eq(errno, ECHILD);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

Suite *suite(void)
{
	Suite *s = suite_create("pipeline/pipeline");
	TCase *tc = scratch_case(s, "chain");

	ADD(tc, new_of_one_process_reads_and_writes_it);
	ADD(tc, new_of_two_processes_spans_both);
	tcase_add_loop_test(tc, spawn_chain_of_any_length_passes_bytes_on, 0,
			    4 * DRIVE_COUNT);
	tcase_add_test(tc, spawn_chain_with_missing_program_leaves_nothing);
	tcase_add_test(tc, spawn_chain_with_nonsense_is_invalid);
	tcase_add_test(tc, use_of_null_pipe_is_invalid);
	tcase_add_test(tc, use_on_another_thread_is_eperm);
	tcase_add_test(tc, use_of_streams_that_are_no_pipes_is_ebadf);
	ADD(tc, spawn_chain_with_piped_stderr_merges_all_stages);
	ADD(tc, spawn_chain_with_stderr_as_stdout_sends_each_along);
	tcase_add_test(tc, spawn_chain_with_paths_uses_them_at_its_ends);
	ADD(tc, spawn_chain_reading_a_process_continues_it);
	tcase_add_test(tc,
		       spawn_chain_with_cwd_and_env_gives_them_to_every_stage);

	tc = test_case(s, "end");
	tcase_add_loop_test(tc, wait_for_failed_stages_gives_the_rightmost, 0,
			    COUNT(verdicts));
	ADD(tc, wait_for_writer_whose_reader_left_gives_success);
	ADD(tc, wait_past_deadline_times_out_and_stages_go_on);
	ADD(tc, wait_for_a_stage_whose_status_is_lost_is_echild);
	ADD(tc, poll_is_true_once_every_stage_has_ended);
	ADD(tc, close_with_children_alive_cancels_and_reaps);
	ADD(tc, free_loop_before_pipe_cancels_its_operations);
	return s;
}
