/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Passes the lines or pieces of all streams of a pipeline, one at a time, to
 * one function, using an each on every stream and a wait for the stages. What
 * it adds is which stage wrote a line, when it was read, and when the whole is
 * over.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "file/each.h"
#include "process/process.h"
#include "pipeline/pipeline.h"

struct each_line_stream {
	struct each_line *owner;
	struct af_future *each;
	int stage, number; /* for struct af_line */
};

/* Over when all its parts are: the streams and the wait for the stages. */
struct each_line {
	struct af_future future;
	struct afi_pipeline_op op;
	struct af_pipe *pipeline;
	/* afi_each_line() or afi_each_chunk() */
	struct af_future *(*each)(struct af_file *, struct afi_gate *,
				  af_each_fn, void *);
	af_line_fn fn;
	void *arg;
	struct afi_gate gate;		  /* shut while fn runs */
	struct each_line_stream *streams; /* see afi_pipeline_stream() */
	size_t n_streams;
	struct af_future *wait;
	unsigned parts; /* that are not over */
};

static struct each_line *each_line_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct each_line, future);
}

static void each_line_finish(struct each_line *c, int error, unsigned flags)
{
	afi_pipeline_remove(&c->op);
	c->future.flags = flags;
	af_pipe_poll(c->pipeline, &c->future.status);
	for (size_t i = 0; i < c->n_streams; i++)
		af_future_cancel(c->streams[i].each);
	af_future_cancel(c->wait);
	afi_future_finish(&c->future, error);
}

static void each_line_expect(struct each_line *c, struct af_future *f,
			     af_done_fn fn)
{
	c->parts++;
	afi_pipeline_expect(&c->future, f, fn, c);
}

static void each_line_part_over(struct each_line *c, int error)
{
	if (c->future.done)
		;
	else if (error)
		each_line_finish(c, error, 0);
	else if (--c->parts == 0)
		each_line_finish(c, 0, AFIO_EOF);
	af_future_unref(&c->future);
}

static void each_line_on_stream_end(struct af_future *done, void *arg)
{
	int error = af_future_error(done);

	/* -ECANCELED: the program closed this stream. */
	each_line_part_over(arg, error == -ECANCELED ? 0 : error);
}

static void each_line_on_stages_end(struct af_future *done, void *arg)
{
	int error = af_future_error(done);

	/* -ECHILD: they ended with a status that is not known. */
	each_line_part_over(arg, error == -ECHILD ? 0 : error);
}

/* Resumes the streams that had lines while fn ran, as in an af_await(). */
static void each_line_open_gate(struct each_line *c)
{
	c->gate.shut = false;
	if (!c->gate.missed)
		return;
	c->gate.missed = false;
	for (size_t i = 0; i < c->n_streams; i++)
		if (c->streams[i].each)
			afi_each_resume(c->streams[i].each);
}

static int each_line_on_line(const char *data, size_t len, unsigned flags,
			     void *arg)
{
	struct each_line_stream *stream = arg;
	struct each_line *c = stream->owner;
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
		each_line_finish(c, r < 0 ? r : 0, 0);
	each_line_open_gate(c);
	af_future_unref(&c->future);
	return r;
}

static void each_line_cancel(struct af_future *f)
{
	each_line_finish(each_line_of(f), -ECANCELED, 0);
}

static void each_line_destroy(struct af_future *f)
{
	struct each_line *c = each_line_of(f);

	af_future_unref(c->wait);
	for (size_t i = 0; i < c->n_streams; i++)
		af_future_unref(c->streams[i].each);
	free(c->streams);
}

/* Without memory, each step may have ended the whole at once. */
static void each_line_add_stream(struct each_line *c, size_t i)
{
	struct af_file *file = *afi_pipeline_stream(c->pipeline, i);
	struct each_line_stream *stream = &c->streams[i];
	int n = (int)c->pipeline->n_stages;

	if (!file || c->future.done)
		return;
	stream->owner = c;
	stream->stage = (int)i - AFI_STREAM_STAGE_ERR;
	if (i == AFI_STREAM_OUT)
		stream->stage = n - 1;
	else if (i == AFI_STREAM_ERR)
		stream->stage = n > 1 ? -1 : 0;
	stream->number = i == AFI_STREAM_OUT ? 1 : 2;
	stream->each = c->each(file, &c->gate, each_line_on_line, stream);
	each_line_expect(c, stream->each, each_line_on_stream_end);
}

static void each_line_start(struct each_line *c)
{
	c->gate.limit = AFIO_MAX_LINE;
	gettimeofday(&c->gate.read_at, NULL);
	for (size_t i = 0; i < c->n_streams; i++)
		each_line_add_stream(c, i);
	if (c->future.done)
		return;
	c->wait = af_pipe_wait(c->pipeline, NULL);
	each_line_expect(c, c->wait, each_line_on_stages_end);
}

static struct af_future *
each_line_new(struct af_pipe *pipeline,
	      struct af_future *(*each)(struct af_file *, struct afi_gate *,
					af_each_fn, void *),
	      af_line_fn fn, void *arg)
{
	static const struct afi_future_ops each_line_ops = {
		.name = "pipe each",
		.size = sizeof(struct each_line),
		.cancel = each_line_cancel,
		.destroy = each_line_destroy,
	};
	struct af_future *f = afi_operation_begin(
		pipeline ? pipeline->loop : NULL, fn, &each_line_ops);
	struct each_line *c = each_line_of(f);
	size_t n;

	if (f->done)
		return f;
	n = AFI_STREAM_STAGE_ERR + pipeline->n_stages;
	c->streams = calloc(n, sizeof(*c->streams));
	if (!c->streams) {
		afi_future_finish(f, -ENOMEM);
		return f;
	}
	c->n_streams = n;
	c->pipeline = pipeline;
	c->each = each;
	c->fn = fn;
	c->arg = arg;
	c->future.since = afi_now_coarse();
	afi_pipeline_add_user(pipeline, &c->op, f);
	each_line_start(c);
	return f;
}

struct af_future *af_pipe_each_line(struct af_pipe *pipeline, af_line_fn fn,
				    void *arg)
{
	return each_line_new(pipeline, afi_each_line, fn, arg);
}

struct af_future *af_pipe_each_chunk(struct af_pipe *pipeline, af_line_fn fn,
				     void *arg)
{
	return each_line_new(pipeline, afi_each_chunk, fn, arg);
}
