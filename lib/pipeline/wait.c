/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for every stage of a pipeline, or stopping them; the status of the
 * whole.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/container.h"
#include "process/process.h"
#include "process/stop.h"
#include "pipeline/pipeline.h"

struct pipeline_wait {
	struct af_future future;
	struct afi_pipeline_op op;
	struct af_pipe *pipeline;
	struct af_future **stages; /* their waits, or stops */
	size_t n_stages, n_left;
	bool kills_rest; /* of their groups, once all have ended */
	int error;	 /* of the first stage that failed */
};

static struct pipeline_wait *pipeline_wait_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct pipeline_wait, future);
}

/* The shell's pipefail; but SIGPIPE is a failure of the last stage only. */
static int pipeline_wait_status(const struct af_pipe *pipeline)
{
	for (size_t i = pipeline->n_stages; i-- > 0;) {
		int status = af_pipe_status(pipeline, i);
		bool last = i + 1 == pipeline->n_stages;

		if (!last && status != -1 && WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGPIPE)
			continue;
		if (status != 0)
			return status;
	}
	return 0;
}

bool af_pipe_poll(struct af_pipe *pipeline, int *ret_status)
{
	bool ended = pipeline;

	for (size_t i = 0; pipeline && i < pipeline->n_stages; i++)
		ended &= af_process_poll(pipeline->stages[i], NULL);
	if (ended && ret_status)
		*ret_status = pipeline_wait_status(pipeline);
	return ended;
}

static void pipeline_wait_finish(struct pipeline_wait *wait, int error)
{
	struct af_pipe *pipeline = wait->pipeline;
	struct af_future **stages = wait->stages;
	size_t n = wait->n_stages;

	afi_pipeline_remove(&wait->op);
	if (error == 0)
		wait->future.status = pipeline_wait_status(pipeline);
	wait->stages = NULL;
	afi_future_finish(&wait->future, error);
	for (size_t i = 0; i < n; i++) {
		af_future_cancel(stages[i]);
		af_future_unref(stages[i]);
	}
	free(stages);
}

/* What a stage that has ended leaves in its group and its cgroup. */
static void pipeline_wait_kill_rest(const struct af_process *stage)
{
	afi_process_kill_cgroup(stage);
	afi_exit_signal_group(&stage->exit, SIGKILL);
}

static void pipeline_wait_on_stage(struct af_future *done, void *arg)
{
	struct pipeline_wait *wait = arg;

	if (wait->error == 0)
		wait->error = af_future_error(done);
	if (--wait->n_left == 0 && !wait->future.done) {
		for (size_t i = 0; wait->kills_rest && i < wait->n_stages; i++)
			pipeline_wait_kill_rest(wait->pipeline->stages[i]);
		pipeline_wait_finish(wait, wait->error);
	}
	af_future_unref(&wait->future);
}

static void pipeline_wait_cancel(struct af_future *f)
{
	pipeline_wait_finish(pipeline_wait_of(f), -ECANCELED);
}

static void pipeline_wait_expire(struct af_future *f)
{
	struct pipeline_wait *wait = pipeline_wait_of(f);

	pipeline_wait_finish(
		wait, af_pipe_poll(wait->pipeline, NULL) ? 0 : -ETIMEDOUT);
}

static struct af_future *pipeline_wait_start(struct af_pipe *pipeline,
					     const struct afi_future_ops *ops,
					     const struct timeval *timeout)
{
	struct af_future *f =
		afi_operation_begin(pipeline ? pipeline->loop : NULL,
				    afi_timeout_valid(timeout), ops);
	struct pipeline_wait *wait = pipeline_wait_of(f);

	if (f->done)
		return f;
	wait->pipeline = pipeline;
	afi_pipeline_add(pipeline, &wait->op, &wait->future);
	wait->stages = calloc(pipeline->n_stages, sizeof(struct af_future *));
	if (!wait->stages)
		pipeline_wait_finish(wait, -ENOMEM);
	return f;
}

/* Begins a wait or a stop of each stage. */
static void pipeline_wait_watch_stages(
	struct pipeline_wait *wait,
	struct af_future *(*begin)(struct af_process *, const struct timeval *),
	const struct timeval *timeout)
{
	struct af_pipe *pipeline = wait->pipeline;

	wait->n_left = pipeline->n_stages;
	wait->n_stages = pipeline->n_stages;
	for (size_t i = 0; i < pipeline->n_stages; i++) {
		wait->stages[i] = begin(pipeline->stages[i], timeout);
		afi_pipeline_expect(&wait->future, wait->stages[i],
				    pipeline_wait_on_stage, wait);
	}
}

struct af_future *af_pipe_wait(struct af_pipe *pipeline,
			       const struct timeval *timeout)
{
	static const struct afi_future_ops pipeline_wait_ops = {
		.name = "pipe wait",
		.size = sizeof(struct pipeline_wait),
		.cancel = pipeline_wait_cancel,
		.expire = pipeline_wait_expire,
	};
	struct af_future *f =
		pipeline_wait_start(pipeline, &pipeline_wait_ops, timeout);

	if (f->done)
		return f;
	pipeline_wait_watch_stages(pipeline_wait_of(f), af_process_wait, NULL);
	if (afi_future_limit(f, timeout) < 0)
		pipeline_wait_finish(pipeline_wait_of(f), -ENOMEM);
	return f;
}

struct af_future *af_pipe_stop(struct af_pipe *pipeline,
			       const struct timeval *grace)
{
	static const struct afi_future_ops pipeline_stop_ops = {
		.name = "pipe stop",
		.size = sizeof(struct pipeline_wait),
		.cancel = pipeline_wait_cancel,
	};
	struct af_future *f =
		pipeline_wait_start(pipeline, &pipeline_stop_ops, grace);

	if (f->done)
		return f;
	pipeline_wait_of(f)->kills_rest = grace;
	f->since = afi_now_coarse();
	pipeline_wait_watch_stages(pipeline_wait_of(f), afi_process_stop,
				   grace);
	return f;
}
