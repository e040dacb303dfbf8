/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pipelines, and what is done with all of their input and output.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "support/children.h"
#include "acts/acts.h"

/* Feeds a chain of two; returns how it ended. */
static int converse(struct scene *s, struct af_communicate_options *options,
		    const char *text)
{
	struct af_pipe *pipe = made(af_pipe_spawn(
		s->loop, CHAIN(HELPER("cat"), HELPER("cat")), WITH(ALL_PIPES)));
	struct af_future *f;
	int r;

	if (!pipe)
		return -ENOMEM;
	f = af_future_ref(af_pipe_communicate(pipe, options));
	r = end(s, f, 0);
	if (r == 0)
		ck_assert_str_eq(af_future_output(f)->out, text);
	af_future_unref(f);
	af_pipe_close_stdin(pipe);
	while (end(s, af_pipe_wait(pipe, MS(20000)), 0) < 0)
		;
	af_pipe_close(pipe);
	return r;
}

void act_communicate(struct scene *s)
{
	converse(s, HOW(MEMORY("hello", 5), .timeout = MS(20000)), "hello");
	converse(s,
		 HOW(MEMORY("hello", 5), .max_output = 3,
		     .overflow = AFIO_OVERFLOW_TRUNCATE, .linger = MS(20000)),
		 "hel");
	put_text(s->source, "hello");
	close(s->source);
	s->source = -1;
	converse(s, HOW(.input_kind = AFIO_INPUT_FILE, .input_file = s->in),
		 "hello");
}

static ssize_t give_hello(void *buf, size_t len, void *arg)
{
	size_t *given = arg;

	ck_assert_uint_ge(len, 5);
	memcpy(buf, "hello", 5);
	*given += 5;
	return *given > 5 ? 0 : 5;
}

static int take_line(const struct af_line *line, void *arg)
{
	*(size_t *)arg += line->len;
	return 0;
}

/* Input by a function; a stderr a stage; then every line of it. */
void act_capture(struct scene *s)
{
	size_t given = 0, taken = 0;
	struct af_pipe *pipe;

	converse(s,
		 HOW(.input_kind = AFIO_INPUT_CALLBACK, .input_fn = give_hello,
		     .input_arg = &given),
		 "hello");
	pipe = made(af_pipe_spawn(
		s->loop, CHAIN(HELPER("tag", "a"), HELPER("tag", "b")),
		WITH(IN_OUT_PIPES, .err.kind = AFIO_PIPE_EACH)));
	af_pipe_close_stdin(pipe);
	while (pipe && end(s, af_pipe_each_line(pipe, take_line, &taken), 0))
		;
	ck_assert_uint_eq(taken, pipe ? 4 : 0);
	af_pipe_close(pipe);
}

/* In one call: to its end, to its timeout, cancelled, and not started. */
void act_run(struct scene *s)
{
	const char *const missing[] = { "./missing", NULL };
	struct af_run_options options = {
		.communicate = { MEMORY("hello", 5), .timeout = MS(20000) },
		.grace = MS(0),
		.spawn.err.kind = AFIO_NULL,
	};
	struct af_future *f = af_run(s->loop, HELPER("cat"), &options);

	if (end(s, af_future_ref(f), 0) == 0)
		ck_assert_str_eq(af_future_output(f)->out, "hello");
	af_future_unref(f);
	options.communicate.max_output = 3;
	options.communicate.overflow = AFIO_OVERFLOW_FAIL;
	end(s, af_run(s->loop, HELPER("cat"), &options), -EMSGSIZE);
	options.communicate.timeout = MS(1);
	end(s, af_run(s->loop, HELPER("pause"), &options), -ETIMEDOUT);
	f = af_run(s->loop, HELPER("pause"), NULL);
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	f = af_run(s->loop, missing, NULL);
	end(s, af_future_ref(f), -ENOENT);
	ck_assert(strstr(af_future_spawn_error(f), "exec ./missing: ") ||
		  disturbed());
	af_future_unref(f);
}

/* Stages with options of their own; their chunks; the end of their input. */
void act_stages(struct scene *s)
{
	const struct af_stage stages[] = {
		{ .argv = HELPER("cat") },
		{ .argv = HELPER("tag", "b"),
		  .options = WITH(.err.kind = AFIO_PIPE) },
	};
	struct af_pipe *pipe = made(
		af_pipe_spawn_stages(s->loop, stages, 2, WITH(IN_OUT_PIPES)));
	struct af_process *process;
	size_t taken = 0;

	/* Nothing is wrong with what was asked for. */
	ck_assert_int_ne(af_spawn_error_step(s->loop), AFIO_STEP_OPTION);
	while (pipe && end(s, af_pipe_finish_stdin(pipe, MS(20000)), 0) < 0)
		;
	while (pipe && end(s, af_pipe_each_chunk(pipe, take_line, &taken), 0))
		;
	ck_assert_uint_eq(taken, pipe ? 2 : 0);
	af_pipe_close(pipe);
	process = made(af_spawn(s->loop, HELPER("exit", "0"), NULL));
	if (!process)
		return;
	while (!(pipe = made(af_pipe_from(&process, 1))))
		;
	while (end(s, af_pipe_wait(pipe, MS(20000)), 0) < 0)
		;
	af_pipe_close(pipe);
}

/* All at once; taken, left to be killed, and not started. */
void act_stages_async(struct scene *s)
{
	const char *const missing[] = { "./missing", NULL };
	struct af_pipe *pipe;
	struct af_future *f;

	f = af_pipe_spawn_async(s->loop,
				CHAIN(HELPER("tag", "a"), HELPER("cat")),
				WITH(IN_OUT_PIPES, .err.kind = AFIO_PIPE));
	end(s, af_future_ref(f), 0);
	pipe = af_future_take_pipe(f);
	af_future_unref(f);
	af_pipe_close_stdin(pipe);
	while (pipe && end(s, af_pipe_wait(pipe, NULL), 0) < 0)
		;
	af_pipe_close(pipe);
	end(s,
	    af_pipe_spawn_async(s->loop,
				CHAIN(HELPER("pause"), HELPER("pause")), NULL),
	    0);
	end(s,
	    af_pipe_spawn_async(s->loop, CHAIN(HELPER("pause"), missing), NULL),
	    -ENOENT);
}

/* By operations on the whole of it. */
void act_pipe_ends(struct scene *s)
{
	struct af_pipe *pipe = made(
		af_pipe_spawn(s->loop, CHAIN(HELPER("cat"), HELPER("tag", "b")),
			      WITH(ALL_PIPES)));
	size_t total = 0;
	int r, status;

	if (!pipe)
		return;
	end_write(s, af_pipe_write(pipe, "abc\n", 4, AFIO_FULL, MS(20000)),
		  &total);
	while ((r = af_pipe_close_stdin(pipe)) < 0)
		ck_assert(excused(r));
	while (end(s, af_pipe_readline(pipe, 0, 0, 0, MS(20000)), 0) < 0)
		;
	while (end(s, af_pipe_read(pipe, 0, 0, MS(20000)), 0) < 0)
		;
	while (end(s, af_pipe_read_stderr(pipe, 0, 0, MS(20000)), 0) < 0)
		;
	while (end(s, af_pipe_wait(pipe, MS(20000)), 0) < 0)
		;
	ck_assert(af_pipe_poll(pipe, &status));
	af_pipe_close(pipe);
}

/* Fed from a file on disk, and made of two that are joined already. */
void act_pipe_new(struct scene *s)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	struct af_process *first, *last = NULL;
	int fd = mkostemp(path, O_CLOEXEC);
	struct af_pipe *pipe;

	unlink(path);
	put_text(fd, "hello");
	lseek(fd, 0, SEEK_SET);
	converse(s, HOW(.input_kind = AFIO_INPUT_FD, .input_fd = fd), "hello");
	close(fd);
	first = made(af_spawn(s->loop, HELPER("echo", "abc"),
			      WITH(.out.kind = AFIO_PIPE)));
	if (first)
		last = made(af_spawn(
			s->loop, HELPER("cat"),
			WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			     .out.kind = AFIO_PIPE)));
	if (!last) {
		if (first)
			expect_end(s, first);
		af_process_free(first);
		return;
	}
	while (!(pipe = made(af_pipe_new(first, last))))
		;
	while (end(s, af_pipe_readline(pipe, 0, 0, 0, MS(20000)), 0) < 0)
		;
	while (end(s, af_pipe_wait(pipe, MS(20000)), 0) < 0)
		;
	af_pipe_close(pipe);
}

/* One group of stages with options of their own, which signals end. */
void act_pipe_signals(struct scene *s)
{
	const struct af_stage stages[] = {
		{ .argv = HELPER("tag", "a"),
		  .options = WITH(.err.kind = AFIO_PIPE) },
		{ .argv = HELPER("pause") },
	};
	struct af_future *f;
	struct af_pipe *pipe;
	int r;

	f = af_pipe_spawn_stages_async(
		s->loop, stages, 2,
		WITH(IN_OUT_PIPES, .err.kind = AFIO_PIPE, .new_group = true));
	end(s, af_future_ref(f), 0);
	pipe = af_future_take_pipe(f);
	af_future_unref(f);
	if (!pipe)
		return;
	while ((r = af_pipe_signal(pipe, SIGCONT)) < 0)
		ck_assert(excused(r));
	while ((r = af_pipe_signal_group(pipe, SIGKILL)) < 0)
		ck_assert(excused(r));
	while (end(s, af_pipe_readline_stderr(pipe, 0, 0, 0, MS(20000)), 0) < 0)
		;
	while (end(s, af_pipe_wait(pipe, MS(20000)), 0) < 0)
		;
	af_pipe_close(pipe);
}
