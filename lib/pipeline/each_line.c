/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capture: the lines of all streams of a pipe, one at a time, to one function.
 * Made of each_line on every stream and a wait for the stages; what it adds is
 * who said it and when, and when it is over.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "file/each.h"
#include "pipeline/pipeline.h"

struct stream {
	struct capture *owner;
	struct af_future *each;
	int stage, number; /* as of struct af_line */
};

/* Over when all its parts are: the streams and the stages. */
struct capture {
	struct af_future future;
	struct afi_pipe_op op;
	struct af_pipe *pipe;
	af_line_fn fn;
	void *arg;
	struct afi_gate gate; /* shut while fn runs */
	struct stream *streams;
	size_t n_streams;
	struct af_future *wait;
	unsigned parts; /* that are not over */
};

static void finish(struct capture *c, int error, unsigned flags)
{
	afi_pipe_remove(&c->op);
	c->future.flags = flags;
	af_pipe_poll(c->pipe, &c->future.status);
	for (size_t i = 0; i < c->n_streams; i++)
		af_future_cancel(c->streams[i].each);
	af_future_cancel(c->wait);
	afi_future_finish(&c->future, error);
}

/* A callback of c to come, which keeps c until then. */
static void expect(struct capture *c, struct af_future *f, af_done_fn fn)
{
	c->parts++;
	af_future_ref(&c->future);
	af_on_done(af_future_ref(f), fn, c);
}

static void part_over(struct capture *c, int error)
{
	if (c->future.done)
		;
	else if (error)
		finish(c, error, 0);
	else if (--c->parts == 0)
		finish(c, 0, AFIO_EOF);
	af_future_unref(&c->future);
}

static void on_stream_end(struct af_future *done, void *arg)
{
	int error = af_future_error(done);

	/* The program may have done with this one. */
	part_over(arg, error == -ECANCELED ? 0 : error);
}

static void on_stages_end(struct af_future *done, void *arg)
{
	int error = af_future_error(done);

	/* They ended, though nobody can know how. */
	part_over(arg, error == -ECHILD ? 0 : error);
}

/* Those whose turn came while fn ran, and waited for something else. */
static void open_gate(struct capture *c)
{
	c->gate.shut = false;
	if (!c->gate.missed)
		return;
	c->gate.missed = false;
	for (size_t i = 0; i < c->n_streams; i++)
		if (c->streams[i].each)
			afi_each_resume(c->streams[i].each);
}

static int on_line(const char *data, size_t len, unsigned flags, void *arg)
{
	struct stream *stream = arg;
	struct capture *c = stream->owner;
	struct af_line line = {
		.stage = stream->stage,
		.stream = stream->number,
		.data = data,
		.len = len,
		.time = c->gate.read_at,
		.flags = flags,
	};
	int r;

	af_future_ref(&c->future);
	c->future.count += len;
	c->future.running = c->gate.shut = true;
	r = c->fn(&line, c->arg);
	c->future.running = false;
	if (!c->future.done && r != 0)
		finish(c, r < 0 ? r : 0, 0);
	open_gate(c);
	af_future_unref(&c->future);
	return r;
}

static void capture_cancel(struct af_future *f)
{
	finish((struct capture *)f, -ECANCELED, 0);
}

static void capture_destroy(struct af_future *f)
{
	struct capture *c = (struct capture *)f;

	af_future_unref(c->wait);
	for (size_t i = 0; i < c->n_streams; i++)
		af_future_unref(c->streams[i].each);
	free(c->streams);
}

/* Without memory each step may be told at once that it failed. */
static void add_stream(struct capture *c, struct af_file *file, int stage,
		       int number)
{
	struct stream *stream = &c->streams[c->n_streams];

	if (!file || c->future.done)
		return;
	c->n_streams++;
	stream->owner = c;
	stream->stage = stage;
	stream->number = number;
	stream->each = afi_each_line(file, &c->gate, on_line, stream);
	expect(c, stream->each, on_stream_end);
}

static void start(struct capture *c)
{
	struct af_pipe *pipe = c->pipe;
	int n = (int)pipe->n_stages;

	c->gate.limit = AFIO_MAX_LINE;
	gettimeofday(&c->gate.read_at, NULL);
	/* Not over before all is added, whatever has ended. */
	c->parts = 1;
	add_stream(c, af_pipe_stdout(pipe), n - 1, 1);
	add_stream(c, pipe->err, n > 1 ? -1 : 0, 2);
	for (int i = 0; i < n; i++)
		add_stream(c, af_process_stderr(pipe->stages[i]), i, 2);
	if (c->future.done)
		return;
	c->parts--;
	c->wait = af_pipe_wait(pipe, NULL);
	expect(c, c->wait, on_stages_end);
}

struct af_future *af_pipe_each_line(struct af_pipe *pipe, af_line_fn fn,
				    void *arg)
{
	static const struct afi_future_ops ops = {
		.name = "each line",
		.size = sizeof(struct capture),
		.cancel = capture_cancel,
		.destroy = capture_destroy,
	};
	struct af_loop *loop = pipe ? pipe->loop : NULL;
	struct capture *c;

	if (!pipe || !fn)
		return afi_future_failed(loop, -EINVAL);
	if (!afi_loop_alive(loop))
		return afi_future_failed(loop, -ECANCELED);
	c = (struct capture *)afi_operation_new(loop, &ops);
	if (!c)
		return afi_future_failed(loop, -ENOMEM);
	/* stdout, the stderr that all share, and each stage's own */
	c->streams = calloc(pipe->n_stages + 2, sizeof(*c->streams));
	if (!c->streams) {
		afi_future_finish(&c->future, -ENOMEM);
		return &c->future;
	}
	c->pipe = pipe;
	c->fn = fn;
	c->arg = arg;
	c->future.since = afi_now_coarse();
	afi_pipe_add(pipe, &c->op, &c->future);
	start(c);
	return &c->future;
}
