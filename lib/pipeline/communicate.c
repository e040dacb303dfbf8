/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Communicate: feeds, collects and waits, all at the same time, using only
 * operations on files and pipelines. What it adds is when the whole is over.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/reserved.h"
#include "pipeline/collect.h"
#include "pipeline/communicate.h"
#include "pipeline/input.h"
#include "pipeline/output.h"
#include "pipeline/pipeline.h"

/* One of the streams that are collected. */
struct communicate_stream {
	struct communicate *owner;
	struct afi_collect collect;
};

/*
 * Over when all its parts are: the streams are at their ends, and the stages
 * have ended. Input that is left then is dropped, as nobody would read it.
 */
struct communicate {
	struct af_future future;
	struct afi_pipeline_op op;
	struct af_pipe *pipeline;
	struct afi_input input;
	struct af_future *feed;
	struct af_future *wait;
	struct communicate_stream *streams; /* see afi_pipeline_stream() */
	size_t n_streams;
	unsigned parts; /* that are not over */
	bool lingers;
	struct timeval linger_time;
	struct afi_deadline linger;
	struct afi_output result;
};

static struct communicate *communicate_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct communicate, future);
}

static void communicate_finish(struct communicate *c, int error,
			       unsigned flags);

/* Ends each pending read with what it has; whether all streams had ended. */
static bool communicate_collect_rest(struct communicate *c)
{
	bool ended = true;

	for (size_t i = 0; i < c->n_streams; i++)
		ended &= afi_collect_stop(&c->streams[i].collect);
	return ended;
}

/* Those of a success. */
static unsigned communicate_flags(const struct communicate *c)
{
	for (size_t i = 0; i < c->n_streams; i++)
		if (c->streams[i].collect.truncated)
			return AFIO_TRUNCATED;
	return 0;
}

static void communicate_part_over(struct communicate *c)
{
	if (--c->parts == 0)
		communicate_finish(c, 0, communicate_flags(c));
}

static void communicate_on_fed(struct af_future *done, void *arg)
{
	struct communicate *c = arg;
	int error = af_future_error(done);

	if (!c->future.done) {
		af_pipe_close_stdin(c->pipeline);
		/* A child may stop reading its input at any time. */
		if (error == -EPIPE || error == -ECANCELED)
			error = 0;
		if (error || c->input.error)
			communicate_finish(c, error, 0);
	}
	af_future_unref(&c->future);
}

static void communicate_on_collected(struct afi_collect *collect, int error)
{
	struct communicate *c =
		AFI_CONTAINER(collect, struct communicate_stream, collect)
			->owner;

	if (error)
		communicate_finish(c, error,
				   collect->drop ? communicate_flags(c) : 0);
	else
		communicate_part_over(c);
}

static void communicate_on_lingered(struct afi_deadline *deadline)
{
	struct communicate *c = deadline->arg;
	unsigned late = communicate_collect_rest(c) ? 0 : AFIO_TIMEDOUT;

	communicate_finish(c, 0, communicate_flags(c) | late);
}

static void communicate_on_ended(struct af_future *done, void *arg)
{
	struct communicate *c = arg;
	int error = af_future_error(done);

	if (c->future.done)
		goto out;
	if (error && error != -ECHILD) {
		communicate_finish(c, error, 0);
		goto out;
	}
	communicate_part_over(c);
	if (!c->future.done && c->lingers &&
	    afi_deadline_start(&c->linger, c->future.loop, &c->linger_time,
			       communicate_on_lingered) < 0)
		communicate_finish(c, -ENOMEM, 0);
out:
	af_future_unref(&c->future);
}

static void communicate_gather_all(struct communicate *c)
{
	struct af_output *output = &c->result.output;
	size_t err = AFI_STREAM_ERR;

	output->n_stages = c->n_streams - AFI_STREAM_STAGE_ERR;
	for (size_t i = 0; i < output->n_stages; i++)
		afi_collect_result(
			&c->streams[AFI_STREAM_STAGE_ERR + i].collect,
			&c->result.stages[i].err, &c->result.stages[i].err_len);
	if (!c->streams[err].collect.file)
		err = c->n_streams - 1;
	afi_collect_result(&c->streams[err].collect, &output->err,
			   &output->err_len);
	afi_collect_result(&c->streams[AFI_STREAM_OUT].collect, &output->out,
			   &output->out_len);
}

static void communicate_finish(struct communicate *c, int error, unsigned flags)
{
	struct af_output *output = &c->result.output;

	if (c->linger.loop)
		afi_deadline_stop(&c->linger);
	afi_pipeline_remove(&c->op);
	af_future_cancel(c->feed);
	output->input_taken = c->future.count = af_future_count(c->feed);
	communicate_collect_rest(c);
	communicate_gather_all(c);
	output->status = -1;
	af_pipe_poll(c->pipeline, &output->status);
	af_future_cancel(c->wait);
	afi_input_close(&c->input);
	c->future.status = output->status;
	c->future.flags = flags;
	/* The input may have failed just before everything else ended. */
	afi_future_finish(&c->future, error ? error : c->input.error);
}

static void communicate_cancel(struct af_future *f)
{
	struct communicate *c = communicate_of(f);

	communicate_finish(c, -ECANCELED, communicate_flags(c));
}

static void communicate_expire(struct af_future *f)
{
	struct communicate *c = communicate_of(f);
	bool over = af_pipe_poll(c->pipeline, NULL);

	over &= communicate_collect_rest(c);
	communicate_finish(c, over ? 0 : -ETIMEDOUT, communicate_flags(c));
}

static void communicate_destroy(struct af_future *f)
{
	struct communicate *c = communicate_of(f);

	af_future_unref(c->feed);
	af_future_unref(c->wait);
	for (size_t i = 0; i < c->n_streams; i++)
		afi_collect_clear(&c->streams[i].collect);
	free(c->streams);
	free(c->result.stages);
}

static const struct af_output *communicate_output(const struct af_future *f)
{
	return &AFI_CONTAINER(f, const struct communicate, future)
			->result.output;
}

static size_t communicate_progress(const struct af_future *f)
{
	const struct communicate *c =
		AFI_CONTAINER(f, const struct communicate, future);

	return c->feed ? c->feed->count : 0;
}

static const struct afi_future_ops communicate_ops = {
	.name = "communicate",
	.size = sizeof(struct communicate),
	.cancel = communicate_cancel,
	.expire = communicate_expire,
	.destroy = communicate_destroy,
	.output = communicate_output,
	.progress = communicate_progress,
};

/* Starts to feed the first stage, if it has a stdin. 0 or -errno. */
static int communicate_feed(struct communicate *c,
			    const struct af_communicate_options *options)
{
	struct af_file *to = af_pipe_stdin(c->pipeline);
	int r;

	if (!to)
		return afi_input_is_none(options) ? 0 : -EBADF;
	c->input.whole = &c->future;
	r = afi_input_start(&c->input, to, options, &c->feed);
	if (r < 0)
		return r;
	afi_pipeline_expect(&c->future, c->feed, communicate_on_fed, c);
	return 0;
}

/* Without memory, each step may have ended the whole at once. */
static void communicate_collect(struct communicate *c, size_t i,
				const struct af_communicate_options *options)
{
	struct afi_collect *collect = &c->streams[i].collect;

	collect->whole = &c->future;
	collect->over = communicate_on_collected;
	collect->place = afi_pipeline_stream(c->pipeline, i);
	collect->overflow = options->overflow;
	if (!*collect->place || c->future.done)
		return;
	c->parts++;
	afi_collect_start(collect, options->max_output);
}

static int communicate_start(struct communicate *c,
			     const struct af_communicate_options *options)
{
	int r = 0;

	c->lingers = options->linger;
	if (options->linger)
		c->linger_time = *options->linger;
	c->linger.arg = c;
	for (size_t i = 0; i < c->n_streams; i++)
		communicate_collect(c, i, options);
	if (!c->future.done) {
		c->parts++;
		c->wait = af_pipe_wait(c->pipeline, NULL);
		afi_pipeline_expect(&c->future, c->wait, communicate_on_ended,
				    c);
	}
	if (!c->future.done)
		r = communicate_feed(c, options);
	return r < 0 ? r : afi_future_limit(&c->future, options->timeout);
}

static int communicate_make_streams(struct communicate *c, size_t n_stages)
{
	size_t n = AFI_STREAM_STAGE_ERR + n_stages;

	c->streams = calloc(n, sizeof(*c->streams));
	c->result.stages = calloc(n_stages, sizeof(*c->result.stages));
	if (!c->streams || !c->result.stages)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		c->streams[i].owner = c;
	c->n_streams = n;
	return 0;
}

bool afi_communicate_valid(const struct af_communicate_options *options)
{
	return AFI_RESERVED_CLEAR(options) &&
	       afi_timeout_valid(options->timeout) &&
	       afi_timeout_valid(options->linger) &&
	       (options->overflow == AFIO_OVERFLOW_FAIL ||
		options->overflow == AFIO_OVERFLOW_TRUNCATE) &&
	       afi_input_valid(options);
}

struct af_future *
af_pipe_communicate(struct af_pipe *pipeline,
		    const struct af_communicate_options *options)
{
	static const struct af_communicate_options communicate_defaults;
	struct communicate *c;
	struct af_future *f;
	int r;

	if (!options)
		options = &communicate_defaults;
	f = afi_operation_begin(pipeline ? pipeline->loop : NULL,
				afi_communicate_valid(options),
				&communicate_ops);
	if (f->done)
		return f;
	c = communicate_of(f);
	if (communicate_make_streams(c, pipeline->n_stages) < 0) {
		afi_future_finish(f, -ENOMEM);
		return f;
	}
	c->pipeline = pipeline;
	afi_pipeline_add_user(pipeline, &c->op, f);
	r = communicate_start(c, options);
	if (r < 0)
		communicate_finish(c, r, 0);
	return f;
}

void afi_communicate_know_status(struct af_future *f, int status)
{
	if (f && f->ops == &communicate_ops)
		f->status = communicate_of(f)->result.output.status = status;
}
