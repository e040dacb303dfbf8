/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start of all stages of a pipeline, or none, off the loop's thread: one
 * after the other, as each has what the one before it made.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "process/process.h"
#include "process/spawn_async.h"
#include "process/spawn_copy.h"
#include "pipeline/stages.h"

struct stages_async {
	struct af_future future;
	struct afi_stages all;	 /* its pipeline: NULL: none, or it was taken */
	struct af_future *start; /* of the next stage */
	int in;			 /* the stdin of that one; -1: see the ends */
	struct afi_spawn_error *spawn_error;
	/* The arguments, until it is done. */
	struct afi_spawn_copy *ends;
	struct afi_spawn_copy **copies;
	struct af_stage *stages;
};

static struct stages_async *stages_async_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct stages_async, future);
}

static void stages_async_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void stages_async_free_copies(struct stages_async *async, size_t n)
{
	for (size_t i = 0; async->copies && i < n; i++)
		free(async->copies[i]);
	free(async->copies);
	free(async->stages);
	free(async->ends);
	async->copies = NULL;
	async->stages = NULL;
	async->ends = NULL;
}

static void stages_async_drop_pipeline(struct stages_async *async)
{
	if (async->all.pipeline)
		afi_pipeline_free(async->all.pipeline, afi_process_drop);
	async->all.pipeline = NULL;
}

/* With an error, of which the stages before it know nothing: they are killed. */
static void stages_async_finish(struct stages_async *async, int error)
{
	stages_async_close(&async->in);
	stages_async_close(&async->all.err);
	stages_async_free_copies(async, af_pipe_stages(async->all.pipeline));
	if (error)
		stages_async_drop_pipeline(async);
	afi_future_finish(&async->future, error);
}

/* Makes the loop's text that of the future, too. */
static void stages_async_keep_text(struct stages_async *async)
{
	async->spawn_error = afi_failure_copy(async->future.loop);
}

static void stages_async_fail(struct stages_async *async,
			      enum af_spawn_step step, int error)
{
	struct afi_failure failure;

	afi_fail(&failure, step, NULL, error);
	afi_failure_keep(async->future.loop, &failure);
	stages_async_keep_text(async);
	stages_async_finish(async, -error);
}

static void stages_async_start(struct stages_async *async)
{
	const struct afi_stages *all = &async->all;
	struct af_spawn_options options = afi_stages_options(all);
	/* The first stage that uses it opens what the stderr of all is. */
	bool opens_err = all->err < 0 && all->ends->err.kind == AFIO_PATH &&
			 afi_stages_shares_stderr(all);

	if (async->in >= 0)
		options.in =
			(struct af_stdio){ .kind = AFIO_FD, .fd = async->in };
	af_future_unref(async->start);
	async->start =
		afi_spawn_async(async->future.loop, all->stages[all->next].argv,
				&options, opens_err ? all->ends : NULL);
}

/* Takes the stage that has started; 0 or -errno. */
static int stages_async_take(struct stages_async *async)
{
	struct af_process *process = af_future_take_process(async->start);
	struct afi_stages *all = &async->all;

	afi_stages_add(all, process);
	if (all->err < 0)
		all->err = afi_spawn_async_take_err(async->start);
	stages_async_close(&async->in);
	if (afi_stages_all_started(all))
		return 0;
	async->in = af_file_detach(process->files[1], NULL);
	if (async->in < 0)
		return async->in;
	process->files[1] = NULL;
	return 0;
}

/* The start of a stage is done. */
static void stages_async_step(struct stages_async *async)
{
	struct af_loop *loop = async->future.loop;
	int error = async->start->error;
	int r;

	if (error && !afi_stages_retry(&async->all, error)) {
		afi_failure_in_stage(loop, async->all.next,
				     afi_failure_of(async->start));
		stages_async_keep_text(async);
		stages_async_finish(async, error);
		return;
	}
	r = error ? 0 : stages_async_take(async);
	if (r < 0)
		stages_async_fail(async, AFIO_STEP_MEMORY, -r);
	else if (afi_stages_all_started(&async->all))
		stages_async_finish(async, 0);
	else
		stages_async_start(async);
}

static void stages_async_on_started(struct af_future *done, void *arg);

/* Steps until it has to wait. */
static void stages_async_go_on(struct stages_async *async)
{
	while (!async->future.done && async->start->done)
		stages_async_step(async);
	if (!async->future.done)
		afi_pipeline_expect(&async->future, async->start,
				    stages_async_on_started, async);
}

static void stages_async_on_started(struct af_future *done, void *arg)
{
	struct stages_async *async = arg;

	(void)done;
	if (!async->future.done)
		stages_async_go_on(async);
	af_future_unref(&async->future);
}

static void stages_async_cancel(struct af_future *f)
{
	struct stages_async *async = stages_async_of(f);

	af_future_cancel(async->start);
	afi_process_drop(af_future_take_process(async->start));
	stages_async_finish(async, -ECANCELED);
}

static void stages_async_destroy(struct af_future *f)
{
	struct stages_async *async = stages_async_of(f);

	af_future_unref(async->start);
	stages_async_drop_pipeline(async);
	free(async->spawn_error);
}

static const struct afi_spawn_error *
stages_async_error(const struct af_future *f)
{
	return AFI_CONTAINER(f, const struct stages_async, future)->spawn_error;
}

static void stages_async_describe(const struct af_future *f, FILE *out)
{
	const struct stages_async *async =
		AFI_CONTAINER(f, const struct stages_async, future);

	fprintf(out, " of stage %zu", async->all.next);
}

static const struct afi_future_ops stages_async_ops = {
	.name = "spawn pipeline",
	.size = sizeof(struct stages_async),
	.cancel = stages_async_cancel,
	.destroy = stages_async_destroy,
	.spawn_error = stages_async_error,
	.describe = stages_async_describe,
};

/* Copies what is needed later; 0 or -ENOMEM. */
static int stages_async_copy(struct stages_async *async,
			     const struct af_stage *stages, size_t n,
			     const struct af_spawn_options *ends)
{
	static const char *const stages_async_no_argv[] = { NULL };
	struct afi_spawn_copy *copy;

	async->ends = afi_spawn_copy(stages_async_no_argv, ends);
	async->stages = calloc(n, sizeof(*async->stages));
	async->copies = calloc(n, sizeof(struct afi_spawn_copy *));
	if (!async->ends || !async->stages || !async->copies)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct af_spawn_options *own = stages[i].options;

		copy = afi_spawn_copy(stages[i].argv, own ? own : ends);
		if (!copy)
			return -ENOMEM;
		async->copies[i] = copy;
		async->stages[i].argv = copy->argv;
		async->stages[i].options = own ? &copy->options : NULL;
	}
	return 0;
}

/* Of a future that has a pipeline without stages. */
static void stages_async_begin(struct stages_async *async,
			       const struct af_stage *stages,
			       const struct af_spawn_options *ends)
{
	struct afi_failure failure = { .step = AFIO_STEP_MEMORY };
	struct afi_stages *all = &async->all;
	int r = stages_async_copy(async, stages, all->pipeline->n_stages, ends);

	async->future.since = afi_now_coarse();
	if (r == 0) {
		all->stages = async->stages;
		all->ends = &async->ends->options;
		all->group = ends->group;
		r = afi_stages_open_stderr(all, false, &failure);
	}
	if (r < 0) {
		stages_async_fail(async, failure.step, -r);
		return;
	}
	stages_async_start(async);
	stages_async_go_on(async);
}

struct af_future *
af_pipe_spawn_stages_async(struct af_loop *loop, const struct af_stage *stages,
			   size_t n, const struct af_spawn_options *ends)
{
	static const struct af_spawn_options stages_async_defaults;
	struct af_future *f =
		afi_operation_begin(loop, true, &stages_async_ops);
	struct stages_async *async = stages_async_of(f);
	int r;

	if (f->done)
		return f;
	if (!ends)
		ends = &stages_async_defaults;
	n = stages ? n : 0;
	async->in = async->all.err = -1;
	r = afi_stages_check(loop, stages, n, ends);
	if (r < 0) {
		stages_async_keep_text(async);
		afi_future_finish(f, r);
		return f;
	}
	async->all.pipeline = afi_pipeline_new(loop, n);
	if (async->all.pipeline)
		stages_async_begin(async, stages, ends);
	else
		stages_async_fail(async, AFIO_STEP_MEMORY, ENOMEM);
	return f;
}

struct af_future *af_pipe_spawn_async(struct af_loop *loop,
				      const char *const *const stages[],
				      const struct af_spawn_options *options)
{
	struct af_stage *list;
	struct af_future *f;
	size_t n;

	list = afi_stages_list(stages, &n);
	if (!list)
		return afi_future_failed(loop, -ENOMEM);
	f = af_pipe_spawn_stages_async(loop, list, n, options);
	free(list);
	return f;
}

struct af_pipe *af_future_take_pipe(struct af_future *f)
{
	struct af_pipe *pipeline;

	if (!f || !f->done)
		return NULL;
	f = afi_future_owner(f);
	if (f->ops != &stages_async_ops)
		return NULL;
	pipeline = stages_async_of(f)->all.pipeline;
	stages_async_of(f)->all.pipeline = NULL;
	return pipeline;
}
