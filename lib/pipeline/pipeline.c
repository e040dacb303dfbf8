/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pipelines: starts all stages or none, and forwards to the files at the ends.
 * Knows none of the operations on a whole pipeline.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "transport/new.h"
#include "process/failure.h"
#include "process/process.h"
#include "process/spawn.h"
#include "process/stdfds.h"
#include "pipeline/pipeline.h"

static struct af_pipe *pipeline_alloc(struct af_loop *loop, size_t n)
{
	struct af_pipe *pipeline = calloc(1, sizeof(*pipeline));

	if (!pipeline)
		return NULL;
	pipeline->stages = calloc(n, sizeof(*pipeline->stages));
	if (!pipeline->stages) {
		free(pipeline);
		return NULL;
	}
	pipeline->n_stages = n;
	pipeline->loop = loop;
	afi_loop_ref(loop);
	LIST_INIT(&pipeline->ops);
	return pipeline;
}

static void pipeline_free(struct af_pipe *pipeline,
			  void (*free_process)(struct af_process *))
{
	af_file_close(pipeline->err);
	for (size_t i = 0; i < pipeline->n_stages; i++)
		free_process(pipeline->stages[i]);
	afi_loop_unref(pipeline->loop);
	free(pipeline->stages);
	free(pipeline);
}

struct af_pipe *af_pipe_new(struct af_process *first, struct af_process *last)
{
	size_t n = last && last != first ? 2 : 1;
	struct af_pipe *pipeline;

	if (!first || (n == 2 && last->loop != first->loop)) {
		errno = EINVAL;
		return NULL;
	}
	if (!afi_loop_is_mine(first->loop)) {
		errno = EPERM;
		return NULL;
	}
	pipeline = pipeline_alloc(first->loop, n);
	if (!pipeline)
		return NULL;
	pipeline->stages[0] = first;
	pipeline->stages[n - 1] = n == 2 ? last : first;
	return pipeline;
}

/* Opens what the stderr of all stages leads to; its fd, or -errno. */
static int pipeline_open_stderr(struct af_pipe *pipeline,
				const struct af_stdio *err,
				struct afi_failure *failure)
{
	int ends[2];
	int r;

	if (err->kind == AFIO_PATH) {
		r = afi_stdfds_open_path(err->path, true);
		return r < 0 ? afi_fail(failure, AFIO_STEP_OPEN, err->path, -r)
			     : r;
	}
	r = afi_pipe_open(ends);
	if (r < 0)
		return afi_fail(failure, AFIO_STEP_PIPE, NULL, -r);
	pipeline->err = afi_file_new_pipe(pipeline->loop, ends[0], AFI_READ);
	if (pipeline->err)
		return ends[1];
	r = afi_fail(failure, AFIO_STEP_MEMORY, NULL, errno);
	close(ends[0]);
	close(ends[1]);
	return r;
}

/* Whether a process group has no member left: then no stage can join it. */
static bool pipeline_has_vanished(pid_t group)
{
	return kill(-group, 0) < 0 && errno == ESRCH;
}

/*
 * Starts a stage in the pipeline's group. If *group is 0, the stage leads a new
 * one, which is *group from then on. A group may vanish before the next stage
 * joins it, if the program ignores SIGCHLD.
 */
static struct af_process *
pipeline_spawn_in_group(struct af_loop *loop, const char *const argv[],
			const struct af_spawn_options *stage, pid_t *group)
{
	struct af_spawn_options joining = *stage;
	struct af_process *process;

	if (!stage->new_group || stage->new_session ||
	    stage->in.kind == AFIO_PTY || stage->out.kind == AFIO_PTY)
		return af_spawn(loop, argv, stage);
	joining.group = *group;
	process = af_spawn(loop, argv, &joining);
	if (!process && errno == EPERM && *group &&
	    pipeline_has_vanished(*group)) {
		joining.group = *group = 0;
		process = af_spawn(loop, argv, &joining);
	}
	if (process && !*group)
		*group = af_process_pid(process);
	return process;
}

/*
 * The options of stage i. The stages before it have been started. err: the
 * descriptor from pipeline_open_stderr(), or -1.
 */
static struct af_spawn_options
pipeline_stage_options(const struct af_pipe *pipeline, size_t i,
		       const struct af_spawn_options *all, int err)
{
	struct af_spawn_options stage = *all;

	if (i > 0)
		stage.in =
			(struct af_stdio){ .kind = AFIO_PROCESS,
					   .process = pipeline->stages[i - 1] };
	if (i + 1 < pipeline->n_stages)
		stage.out = (struct af_stdio){ .kind = AFIO_PIPE };
	if (err >= 0)
		stage.err = (struct af_stdio){ .kind = AFIO_FD, .fd = err };
	if (all->err.kind == AFIO_PIPE_EACH)
		stage.err = (struct af_stdio){ .kind = AFIO_PIPE };
	return stage;
}

static int pipeline_spawn_stages(struct af_pipe *pipeline,
				 const char *const *const stages[],
				 const struct af_spawn_options *options)
{
	struct afi_failure failure;
	pid_t group = options->group;
	int err = -1, r = 0;

	if (options->err.kind == AFIO_PIPE || options->err.kind == AFIO_PATH) {
		err = pipeline_open_stderr(pipeline, &options->err, &failure);
		if (err < 0) {
			afi_failure_keep(pipeline->loop, &failure);
			return err;
		}
	}
	for (size_t i = 0; i < pipeline->n_stages && r == 0; i++) {
		struct af_spawn_options stage =
			pipeline_stage_options(pipeline, i, options, err);

		pipeline->stages[i] = pipeline_spawn_in_group(
			pipeline->loop, stages[i], &stage, &group);
		if (!pipeline->stages[i]) {
			r = -errno;
			afi_failure_in_stage(pipeline->loop, i);
		}
	}
	if (err >= 0)
		close(err);
	return r;
}

/* Sets errno and af_spawn_error(); NULL. */
static struct af_pipe *pipeline_refuse(struct af_loop *loop, const char *option,
				       int error)
{
	struct afi_failure failure;

	afi_fail(&failure, AFIO_STEP_OPTION, option, error);
	afi_failure_keep(loop, &failure);
	errno = error;
	return NULL;
}

struct af_pipe *af_pipe_spawn(struct af_loop *loop,
			      const char *const *const stages[],
			      const struct af_spawn_options *options)
{
	static const struct af_spawn_options pipeline_defaults;
	struct af_pipe *pipeline;
	size_t n = 0;
	int r;

	r = afi_process_check_loop(loop);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	while (stages && stages[n] && stages[n][0])
		n++;
	if (!options)
		options = &pipeline_defaults;
	if (stages && stages[n]) { /* an empty stage */
		pipeline_refuse(loop, "argv", EINVAL);
		afi_failure_in_stage(loop, n);
		errno = EINVAL;
		return NULL;
	}
	if (n == 0)
		return pipeline_refuse(loop, "stages", EINVAL);
	if (!afi_spawn_reserved_clear(options))
		return pipeline_refuse(loop, "reserved", EINVAL);
	if (options->program)
		return pipeline_refuse(loop, "program", EINVAL);
	if (options->err.kind == AFIO_PTY && n > 1)
		return pipeline_refuse(loop, "err", EINVAL);
	pipeline = pipeline_alloc(loop, n);
	if (!pipeline)
		return pipeline_refuse(loop, "stages", ENOMEM);
	r = pipeline_spawn_stages(pipeline, stages, options);
	if (r < 0) {
		pipeline_free(pipeline, afi_process_destroy);
		errno = -r;
		return NULL;
	}
	return pipeline;
}

void afi_pipeline_add(struct af_pipe *pipeline, struct afi_pipeline_op *op,
		      struct af_future *f)
{
	op->future = f;
	LIST_INSERT_HEAD(&pipeline->ops, op, entry);
}

void afi_pipeline_remove(struct afi_pipeline_op *op)
{
	if (op->future)
		LIST_REMOVE(op, entry);
	op->future = NULL;
}

void af_pipe_close(struct af_pipe *pipeline)
{
	struct afi_pipeline_op *op;

	if (!pipeline)
		return;
	while ((op = LIST_FIRST(&pipeline->ops)))
		af_future_cancel(op->future);
	pipeline_free(pipeline, af_process_free);
}

struct af_loop *af_pipe_loop(const struct af_pipe *pipeline)
{
	return pipeline ? pipeline->loop : NULL;
}

struct af_file *af_pipe_stdin(struct af_pipe *pipeline)
{
	return pipeline ? af_process_stdin(pipeline->stages[0]) : NULL;
}

struct af_file *af_pipe_stdout(struct af_pipe *pipeline)
{
	return pipeline ? af_process_stdout(
				  pipeline->stages[pipeline->n_stages - 1])
			: NULL;
}

struct af_file *af_pipe_stderr(struct af_pipe *pipeline)
{
	if (!pipeline || pipeline->err)
		return pipeline ? pipeline->err : NULL;
	return af_process_stderr(pipeline->stages[pipeline->n_stages - 1]);
}

/* What an operation returns that has no file. */
static struct af_future *pipeline_no_file(struct af_pipe *pipeline)
{
	return afi_future_failed(pipeline ? pipeline->loop : NULL, -EBADF);
}

struct af_future *af_pipe_write(struct af_pipe *pipeline, const void *buf,
				size_t len, unsigned flags,
				const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdin(pipeline);

	return file ? af_file_write(file, buf, len, flags, timeout)
		    : pipeline_no_file(pipeline);
}

struct af_future *af_pipe_read(struct af_pipe *pipeline, size_t size,
			       unsigned flags, const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdout(pipeline);

	return file ? af_file_read(file, size, flags, timeout)
		    : pipeline_no_file(pipeline);
}

struct af_future *af_pipe_readline(struct af_pipe *pipeline, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdout(pipeline);

	return file ? af_file_readline(file, size, sizehint, flags, timeout)
		    : pipeline_no_file(pipeline);
}

struct af_future *af_pipe_read_stderr(struct af_pipe *pipeline, size_t size,
				      unsigned flags,
				      const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stderr(pipeline);

	return file ? af_file_read(file, size, flags, timeout)
		    : pipeline_no_file(pipeline);
}

struct af_future *af_pipe_readline_stderr(struct af_pipe *pipeline, size_t size,
					  size_t sizehint, unsigned flags,
					  const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stderr(pipeline);

	return file ? af_file_readline(file, size, sizehint, flags, timeout)
		    : pipeline_no_file(pipeline);
}

int af_pipe_close_stdin(struct af_pipe *pipeline)
{
	return pipeline ? af_process_close_stdin(pipeline->stages[0]) : -EINVAL;
}

size_t af_pipe_stages(const struct af_pipe *pipeline)
{
	return pipeline ? pipeline->n_stages : 0;
}

struct af_process *af_pipe_process(struct af_pipe *pipeline, size_t stage)
{
	return pipeline && stage < pipeline->n_stages ? pipeline->stages[stage]
						      : NULL;
}

int af_pipe_status(const struct af_pipe *pipeline, size_t stage)
{
	int status = -1;

	if (pipeline && stage < pipeline->n_stages)
		af_process_poll(pipeline->stages[stage], &status);
	return status;
}
