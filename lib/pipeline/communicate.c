/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Communicate: feed, collect and wait, all at once. Made of the operations of
 * files and pipes alone; what it adds is when they are over.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "file/file.h"
#include "pipeline/input.h"
#include "pipeline/pipeline.h"

#define DROP_SIZE 65536

/* One of the streams that are collected. */
struct stream {
	struct communicate *owner;
	struct af_file *file;
	struct af_future *read; /* what is kept, at most one byte too many */
	struct af_future *drop; /* what is read and thrown away after that */
};

/* The last stage's stdout; all stages' stderr; from there on one's own each. */
enum { OUT, MERGED_ERR, STAGE_ERR };

/*
 * Over when all its parts are: the streams at their ends and the stages. What
 * is then left of the feeding does not matter: nobody reads it.
 */
struct communicate {
	struct af_future future;
	struct afi_pipe_op op;
	struct af_pipe *pipe;
	struct afi_input input;
	struct af_future *feed;
	struct af_future *wait;
	struct stream *streams; /* by their names below */
	size_t n_streams;
	struct af_stage_output *stages;
	unsigned parts; /* that are not over */
	size_t max_output;
	enum af_overflow overflow;
	bool lingers;
	struct timeval linger_time;
	struct afi_deadline linger;
	struct af_output output;
};

static void finish(struct communicate *c, int error, unsigned flags);

/* Ends what is still being read, with what there is; whether all had ended. */
static bool collect_rest(struct communicate *c)
{
	bool ended = true;

	for (size_t i = 0; i < c->n_streams; i++) {
		struct af_future *f = c->streams[i].read;

		if (f && !f->done)
			f->ops->expire(f);
		if (f && !(af_future_flags(f) & AFIO_EOF))
			ended = false;
	}
	return ended;
}

/* A callback of c to come, which keeps c until then. */
static void expect(struct communicate *c, struct af_future *f, af_done_fn fn,
		   void *arg)
{
	af_future_ref(&c->future);
	af_on_done(af_future_ref(f), fn, arg);
}

static void part_over(struct communicate *c)
{
	if (--c->parts == 0)
		finish(c, 0, c->future.flags);
}

static void on_fed(struct af_future *done, void *arg)
{
	struct communicate *c = arg;
	int error = af_future_error(done);

	if (!c->future.done) {
		af_pipe_close_stdin(c->pipe);
		/* That it wanted no more is the child's right. */
		if (error == -EPIPE || error == -ECANCELED)
			error = 0;
		if (error || c->input.error)
			finish(c, error, 0);
	}
	af_future_unref(&c->future);
}

static void on_dropped(struct af_future *done, void *arg);

static void drop_more(struct stream *stream)
{
	af_future_unref(stream->drop);
	stream->drop = af_file_read(stream->file, DROP_SIZE, 0, NULL);
	expect(stream->owner, stream->drop, on_dropped, stream);
}

static void on_dropped(struct af_future *done, void *arg)
{
	struct stream *stream = arg;
	struct communicate *c = stream->owner;
	int error = af_future_error(done);

	if (c->future.done)
		;
	else if (error && error != -ECANCELED)
		finish(c, error, c->future.flags);
	else if (error || af_future_flags(done) & AFIO_EOF)
		part_over(c);
	else
		drop_more(stream);
	af_future_unref(&c->future);
}

/* A read that failed has left in the file what came before the error. */
static void collect_before_error(struct stream *stream)
{
	static const struct timeval now;

	af_future_unref(stream->read);
	stream->read = af_file_read(stream->file, stream->owner->max_output, 0,
				    &now);
}

static void on_collected(struct af_future *done, void *arg)
{
	struct stream *stream = arg;
	struct communicate *c = stream->owner;
	int error = af_future_error(done);

	if (c->future.done) {
		;
	} else if (error && error != -ECANCELED) {
		collect_before_error(stream);
		finish(c, error, 0);
	} else if (error || af_future_flags(done) & AFIO_EOF) {
		part_over(c);
	} else if (af_future_count(done) <= c->max_output) {
		drop_more(stream); /* that is, the error behind it */
	} else if (c->overflow == AFIO_OVERFLOW_FAIL) {
		finish(c, -EMSGSIZE, 0);
	} else {
		c->future.flags = AFIO_TRUNCATED;
		drop_more(stream);
	}
	af_future_unref(&c->future);
}

static void on_lingered(struct afi_deadline *deadline)
{
	struct communicate *c = deadline->arg;

	finish(c, 0, c->future.flags | (collect_rest(c) ? 0 : AFIO_TIMEDOUT));
}

static void on_ended(struct af_future *done, void *arg)
{
	struct communicate *c = arg;
	int error = af_future_error(done);

	if (c->future.done)
		goto out;
	if (error && error != -ECHILD) {
		finish(c, error, 0);
		goto out;
	}
	part_over(c);
	if (!c->future.done && c->lingers &&
	    afi_deadline_start(&c->linger, c->future.loop, &c->linger_time,
			       on_lingered) < 0)
		finish(c, -ENOMEM, 0);
out:
	af_future_unref(&c->future);
}

/* What a stream brought. */
static void gather(struct stream *stream, const char **ret, size_t *ret_len)
{
	size_t max = stream->owner->max_output;
	const char *data = af_future_data(stream->read, ret_len);

	*ret = data ? data : "";
	if (data && *ret_len > max) {
		/* The one that showed that there is more is the next read's. */
		if (stream->owner->overflow == AFIO_OVERFLOW_FAIL)
			af_file_unread(stream->file, data + max, 1);
		*ret_len = max;
		((char *)data)[max] = '\0';
	}
	af_future_cancel(stream->drop);
}

static void gather_all(struct communicate *c, struct af_output *output)
{
	struct stream *err = &c->streams[MERGED_ERR];

	output->stages = c->stages;
	output->n_stages = c->n_streams - STAGE_ERR;
	for (size_t i = 0; i < output->n_stages; i++)
		gather(&c->streams[STAGE_ERR + i], &c->stages[i].err,
		       &c->stages[i].err_len);
	if (!err->file)
		err = &c->streams[c->n_streams - 1];
	gather(err, &output->err, &output->err_len);
	gather(&c->streams[OUT], &output->out, &output->out_len);
}

static void finish(struct communicate *c, int error, unsigned flags)
{
	struct af_output *output = &c->output;

	if (c->linger.loop)
		afi_deadline_stop(&c->linger);
	afi_pipe_remove(&c->op);
	af_future_cancel(c->feed);
	output->input_taken = af_future_count(c->feed);
	collect_rest(c);
	gather_all(c, output);
	output->status = -1;
	af_pipe_poll(c->pipe, &output->status);
	af_future_cancel(c->wait);
	afi_input_close(&c->input);
	c->future.status = output->status;
	c->future.flags = flags;
	/* Though all had ended before that was heard of. */
	afi_future_finish(&c->future, error ? error : c->input.error);
}

static void communicate_cancel(struct af_future *f)
{
	finish((struct communicate *)f, -ECANCELED, f->flags);
}

static void communicate_expire(struct af_future *f)
{
	struct communicate *c = (struct communicate *)f;
	bool over = af_pipe_poll(c->pipe, NULL);

	over &= collect_rest(c);
	finish(c, over ? 0 : -ETIMEDOUT, f->flags);
}

static void communicate_destroy(struct af_future *f)
{
	struct communicate *c = (struct communicate *)f;

	af_future_unref(c->feed);
	af_future_unref(c->wait);
	for (size_t i = 0; i < c->n_streams; i++) {
		af_future_unref(c->streams[i].read);
		af_future_unref(c->streams[i].drop);
	}
	free(c->streams);
	free(c->stages);
}

static const struct af_output *communicate_output(const struct af_future *f)
{
	return &((const struct communicate *)f)->output;
}

static const struct afi_future_ops communicate_ops = {
	.name = "communicate",
	.size = sizeof(struct communicate),
	.cancel = communicate_cancel,
	.expire = communicate_expire,
	.destroy = communicate_destroy,
	.output = communicate_output,
};

/* Starts to feed the child, where it can be fed. 0 or -errno. */
static int feed(struct communicate *c,
		const struct af_communicate_options *options)
{
	struct af_file *to = af_pipe_stdin(c->pipe);
	int r;

	if (!to)
		return options->input_kind == AFIO_INPUT_NONE ? 0 : -EBADF;
	c->input.whole = &c->future;
	r = afi_input_start(&c->input, to, options, &c->feed);
	if (r < 0)
		return r;
	expect(c, c->feed, on_fed, c);
	return 0;
}

/* Without memory each step may be told at once that it failed. */
static void collect(struct communicate *c, struct stream *stream,
		    struct af_file *file)
{
	if (!file || c->future.done)
		return;
	stream->file = file;
	if (c->max_output < SIZE_MAX)
		stream->read =
			af_file_read(file, c->max_output + 1, AFIO_FULL, NULL);
	else
		stream->read = af_file_read(file, 0, 0, NULL);
	c->parts++;
	expect(c, stream->read, on_collected, stream);
}

static int start(struct communicate *c,
		 const struct af_communicate_options *options)
{
	int r = 0;

	c->max_output = options->max_output ? options->max_output : SIZE_MAX;
	c->overflow = options->overflow;
	c->lingers = options->linger;
	if (options->linger)
		c->linger_time = *options->linger;
	c->linger.arg = c;
	collect(c, &c->streams[OUT], af_pipe_stdout(c->pipe));
	collect(c, &c->streams[MERGED_ERR], c->pipe->err);
	for (size_t i = 0; i < c->pipe->n_stages; i++)
		collect(c, &c->streams[STAGE_ERR + i],
			af_process_stderr(c->pipe->stages[i]));
	if (!c->future.done) {
		c->parts++;
		c->wait = af_pipe_wait(c->pipe, NULL);
		expect(c, c->wait, on_ended, c);
	}
	if (!c->future.done)
		r = feed(c, options);
	return r < 0 ? r : afi_future_limit(&c->future, options->timeout);
}

static int make_streams(struct communicate *c, size_t n_stages)
{
	size_t n = STAGE_ERR + n_stages;

	c->streams = calloc(n, sizeof(*c->streams));
	c->stages = calloc(n_stages, sizeof(*c->stages));
	if (!c->streams || !c->stages)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		c->streams[i].owner = c;
	c->n_streams = n;
	return 0;
}

static bool options_valid(const struct af_communicate_options *options)
{
	return afi_timeout_valid(options->timeout) &&
	       afi_timeout_valid(options->linger) &&
	       (options->overflow == AFIO_OVERFLOW_FAIL ||
		options->overflow == AFIO_OVERFLOW_TRUNCATE) &&
	       afi_input_valid(options);
}

struct af_future *
af_pipe_communicate(struct af_pipe *pipe,
		    const struct af_communicate_options *options)
{
	static const struct af_communicate_options none;
	struct af_loop *loop = pipe ? pipe->loop : NULL;
	struct communicate *c;
	int r;

	if (!options)
		options = &none;
	if (!pipe || !options_valid(options))
		return afi_future_failed(loop, -EINVAL);
	if (!afi_loop_alive(loop))
		return afi_future_failed(loop, -ECANCELED);
	c = (struct communicate *)afi_operation_new(loop, &communicate_ops);
	if (!c)
		return afi_future_failed(loop, -ENOMEM);
	if (make_streams(c, pipe->n_stages) < 0) {
		afi_future_finish(&c->future, -ENOMEM);
		return &c->future;
	}
	c->pipe = pipe;
	afi_pipe_add(pipe, &c->op, &c->future);
	r = start(c, options);
	if (r < 0)
		finish(c, r, 0);
	return &c->future;
}
