/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for every stage of a pipe, or stopping them, and what its status is
 * then.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "process/process.h"
#include "pipeline/pipeline.h"

struct pipe_wait {
	struct af_future future;
	struct afi_pipe_op op;
	struct af_pipe *pipe;
	struct af_future **stages; /* their waits, or stops */
	size_t n_stages, n_left;
	bool kills_rest; /* of their groups, when all have ended */
	int error;	 /* the first of a stage's */
};

/* The shell's pipefail, but for a stage whose reader had enough. */
static int pipe_status(const struct af_pipe *pipe)
{
	for (size_t i = pipe->n_stages; i-- > 0;) {
		int status = af_pipe_status(pipe, i);
		bool last = i + 1 == pipe->n_stages;

		if (!last && status != -1 && WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGPIPE)
			continue;
		if (status != 0)
			return status;
	}
	return 0;
}

bool af_pipe_poll(struct af_pipe *pipe, int *ret_status)
{
	bool ended = pipe;

	for (size_t i = 0; pipe && i < pipe->n_stages; i++)
		ended &= af_process_poll(pipe->stages[i], NULL);
	if (ended && ret_status)
		*ret_status = pipe_status(pipe);
	return ended;
}

static void finish(struct pipe_wait *wait, int error)
{
	struct af_pipe *pipe = wait->pipe;
	struct af_future **stages = wait->stages;
	size_t n = wait->n_stages;

	afi_pipe_remove(&wait->op);
	if (error == 0)
		wait->future.status = pipe_status(pipe);
	wait->stages = NULL;
	afi_future_finish(&wait->future, error);
	for (size_t i = 0; i < n; i++) {
		af_future_cancel(stages[i]);
		af_future_unref(stages[i]);
	}
	free(stages);
}

static void on_stage(struct af_future *done, void *arg)
{
	struct pipe_wait *wait = arg;

	if (wait->error == 0)
		wait->error = af_future_error(done);
	if (--wait->n_left == 0 && !wait->future.done) {
		for (size_t i = 0; wait->kills_rest && i < wait->n_stages; i++)
			afi_process_kill_rest(wait->pipe->stages[i]);
		finish(wait, wait->error);
	}
	af_future_unref(&wait->future);
}

static void wait_cancel(struct af_future *f)
{
	finish((struct pipe_wait *)f, -ECANCELED);
}

static void wait_expire(struct af_future *f)
{
	struct pipe_wait *wait = (struct pipe_wait *)f;

	finish(wait, af_pipe_poll(wait->pipe, NULL) ? 0 : -ETIMEDOUT);
}

static struct af_future *start(struct af_pipe *pipe,
			       const struct afi_future_ops *ops,
			       const struct timeval *timeout)
{
	struct af_loop *loop = pipe ? pipe->loop : NULL;
	struct pipe_wait *wait;

	if (!pipe || !afi_timeout_valid(timeout))
		return afi_future_failed(loop, -EINVAL);
	if (!afi_loop_alive(loop))
		return afi_future_failed(loop, -ECANCELED);
	wait = (struct pipe_wait *)afi_operation_new(loop, ops);
	if (!wait)
		return afi_future_failed(loop, -ENOMEM);
	wait->pipe = pipe;
	afi_pipe_add(pipe, &wait->op, &wait->future);
	wait->stages = calloc(pipe->n_stages, sizeof(struct af_future *));
	if (!wait->stages)
		finish(wait, -ENOMEM);
	return &wait->future;
}

/* Begins what is done with each stage; timeout as that has it. */
static void watch_stages(struct pipe_wait *wait,
			 struct af_future *(*begin)(struct af_process *,
						    const struct timeval *),
			 const struct timeval *timeout)
{
	struct af_pipe *pipe = wait->pipe;

	wait->n_left = pipe->n_stages;
	wait->n_stages = pipe->n_stages;
	for (size_t i = 0; i < pipe->n_stages; i++) {
		wait->stages[i] = begin(pipe->stages[i], timeout);
		af_future_ref(&wait->future);
		af_on_done(af_future_ref(wait->stages[i]), on_stage, wait);
	}
}

struct af_future *af_pipe_wait(struct af_pipe *pipe,
			       const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "pipe wait",
		.size = sizeof(struct pipe_wait),
		.cancel = wait_cancel,
		.expire = wait_expire,
	};
	struct af_future *f = start(pipe, &ops, timeout);

	if (f->done)
		return f;
	watch_stages((struct pipe_wait *)f, af_process_wait, NULL);
	if (afi_future_limit(f, timeout) < 0)
		finish((struct pipe_wait *)f, -ENOMEM);
	return f;
}

struct af_future *af_pipe_stop(struct af_pipe *pipe,
			       const struct timeval *grace)
{
	static const struct afi_future_ops ops = {
		.name = "pipe stop",
		.size = sizeof(struct pipe_wait),
		.cancel = wait_cancel,
	};
	struct af_future *f = start(pipe, &ops, grace);

	if (f->done)
		return f;
	((struct pipe_wait *)f)->kills_rest = grace;
	f->since = afi_now_coarse();
	watch_stages((struct pipe_wait *)f, afi_process_stop, grace);
	return f;
}
