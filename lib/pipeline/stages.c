/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages of a pipeline: the options of each, and their start: of all, or of
 * none.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "base/reserved.h"
#include "transport/new.h"
#include "process/failure.h"
#include "process/options.h"
#include "process/process.h"
#include "process/stdfds.h"
#include "pipeline/pipeline.h"
#include "pipeline/stages.h"

int afi_stages_open_stderr(struct af_pipe *pipeline,
			   const struct af_spawn_options *options,
			   struct afi_failure *failure)
{
	const struct af_stdio *err = &options->err;
	int ends[2];
	int r;

	if (err->kind == AFIO_PATH) {
		r = afi_stdfds_open_path(err, true, options->umask);
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

bool afi_stages_group_has_vanished(pid_t group)
{
	return kill(-group, 0) < 0 && errno == ESRCH;
}

/*
 * Starts a stage in the pipeline's group. If *group is 0, the stage leads a new
 * one, which is *group from then on. A group may vanish before the next stage
 * joins it, if the program ignores SIGCHLD.
 */
static struct af_process *
stages_spawn_in_group(struct af_loop *loop, const char *const argv[],
		      const struct af_spawn_options *options, pid_t *group)
{
	struct af_spawn_options joining = *options;
	struct af_process *process;

	joining.group = *group;
	process = af_spawn(loop, argv, &joining);
	if (!process && errno == EPERM && *group &&
	    afi_stages_group_has_vanished(*group)) {
		joining.group = *group = 0;
		process = af_spawn(loop, argv, &joining);
	}
	if (process && !*group)
		*group = af_process_pid(process);
	return process;
}

static bool stages_has_own_group(const struct af_spawn_options *options)
{
	return options->new_group || options->new_session || options->group ||
	       options->foreground || options->tty_fd;
}

bool afi_stages_joins_group(const struct af_stage *stage,
			    const struct af_spawn_options *options)
{
	return options->new_group && !options->new_session &&
	       !options->tty_fd &&
	       !(stage->options && stages_has_own_group(stage->options)) &&
	       options->in.kind != AFIO_PTY && options->out.kind != AFIO_PTY &&
	       options->err.kind != AFIO_PTY;
}

struct af_spawn_options afi_stages_options(const struct af_pipe *pipeline,
					   size_t i,
					   const struct af_stage *stage,
					   const struct af_spawn_options *ends,
					   int err)
{
	const struct af_spawn_options *own = stage->options;
	struct af_spawn_options options = own ? *own : *ends;

	options.in = ends->in;
	options.out = ends->out;
	if (i > 0)
		options.in =
			(struct af_stdio){ .kind = AFIO_PROCESS,
					   .process = pipeline->stages[i - 1] };
	if (i + 1 < pipeline->n_stages)
		options.out = (struct af_stdio){ .kind = AFIO_PIPE };
	if (own && !stages_has_own_group(own)) {
		options.new_group = ends->new_group;
		options.new_session = ends->new_session;
		options.group = ends->group;
		options.foreground = ends->foreground;
		options.tty_fd = ends->tty_fd;
	}
	if (own && own->err.kind != AFIO_DEFAULT)
		return options;
	options.err = ends->err;
	if (err >= 0)
		options.err = (struct af_stdio){ .kind = AFIO_FD, .fd = err };
	if (ends->err.kind == AFIO_PIPE_EACH)
		options.err = (struct af_stdio){ .kind = AFIO_PIPE };
	return options;
}

static int stages_start_one(struct af_pipe *pipeline, size_t i,
			    const struct af_stage *stage,
			    const struct af_spawn_options *ends, int err,
			    pid_t *group)
{
	struct af_spawn_options options =
		afi_stages_options(pipeline, i, stage, ends, err);
	struct af_loop *loop = pipeline->loop;
	int r;

	if (afi_stages_joins_group(stage, &options))
		pipeline->stages[i] = stages_spawn_in_group(loop, stage->argv,
							    &options, group);
	else
		pipeline->stages[i] = af_spawn(loop, stage->argv, &options);
	if (pipeline->stages[i])
		return 0;
	r = -errno;
	afi_failure_in_stage(loop, i, loop->spawn_error);
	return r;
}

static int stages_start(struct af_pipe *pipeline, const struct af_stage *stages,
			const struct af_spawn_options *ends)
{
	struct afi_failure failure;
	pid_t group = ends->group;
	int err = -1, r = 0;

	/* If a child opens it, there is only one. */
	if (ends->err.kind == AFIO_PIPE ||
	    (ends->err.kind == AFIO_PATH &&
	     !(ends->err.path_flags & AFIO_PATH_AS_CHILD))) {
		err = afi_stages_open_stderr(pipeline, ends, &failure);
		if (err < 0) {
			afi_failure_keep(pipeline->loop, &failure);
			return err;
		}
	}
	for (size_t i = 0; i < pipeline->n_stages && r == 0; i++)
		r = stages_start_one(pipeline, i, &stages[i], ends, err,
				     &group);
	if (err >= 0)
		close(err);
	return r;
}

/* Sets errno and af_spawn_error(); NULL. */
static struct af_pipe *stages_refuse(struct af_loop *loop, const char *option,
				     int error)
{
	struct afi_failure failure;

	afi_fail(&failure, AFIO_STEP_OPTION, option, error);
	afi_failure_keep(loop, &failure);
	errno = error;
	return NULL;
}

/* What makes no sense in a stage, or NULL. */
static const char *stages_find_nonsense(const struct af_stage *stage)
{
	const struct af_spawn_options *own = stage->options;

	if (!stage->argv || !stage->argv[0])
		return "argv";
	if (!AFI_RESERVED_CLEAR(stage) ||
	    (own && !afi_options_reserved_clear(own)))
		return "reserved";
	if (own && own->in.kind != AFIO_DEFAULT)
		return "in";
	if (own && own->out.kind != AFIO_DEFAULT)
		return "out";
	return NULL;
}

/* The same of the ends. */
static const char *
stages_find_nonsense_of_ends(const struct af_spawn_options *ends, size_t n)
{
	if (n == 0)
		return "stages";
	if (!afi_options_reserved_clear(ends))
		return "reserved";
	if (ends->program)
		return "program";
	if (ends->program_fd)
		return "program_fd";
	if (ends->tty_fd && n > 1)
		return "tty_fd";
	if (!afi_stdfds_path_valid(&ends->err, true))
		return "err";
	return n > 1 && (ends->err.kind == AFIO_PTY ||
			 ends->err.path_flags & AFIO_PATH_AS_CHILD)
		       ? "err"
		       : NULL;
}

int afi_stages_check(struct af_loop *loop, const struct af_stage *stages,
		     size_t n, const struct af_spawn_options *ends)
{
	const char *nonsense;

	for (size_t i = 0; i < n; i++) {
		nonsense = stages_find_nonsense(&stages[i]);
		if (!nonsense)
			continue;
		stages_refuse(loop, nonsense, EINVAL);
		afi_failure_in_stage(loop, i, loop->spawn_error);
		return -EINVAL;
	}
	nonsense = stages_find_nonsense_of_ends(ends, n);
	if (!nonsense)
		return 0;
	stages_refuse(loop, nonsense, EINVAL);
	return -EINVAL;
}

struct af_pipe *af_pipe_spawn_stages(struct af_loop *loop,
				     const struct af_stage *stages, size_t n,
				     const struct af_spawn_options *ends)
{
	static const struct af_spawn_options stages_defaults;
	int r = afi_loop_usable(loop);
	struct af_pipe *pipeline;

	if (!ends)
		ends = &stages_defaults;
	n = stages ? n : 0;
	if (r == 0)
		r = afi_stages_check(loop, stages, n, ends);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	pipeline = afi_pipeline_new(loop, n);
	if (!pipeline)
		return stages_refuse(loop, "stages", ENOMEM);
	r = stages_start(pipeline, stages, ends);
	if (r == 0)
		return pipeline;
	afi_pipeline_free(pipeline, afi_process_destroy);
	errno = -r;
	return NULL;
}

struct af_stage *afi_stages_list(const char *const *const stages[],
				 size_t *ret_n)
{
	struct af_stage *list;
	size_t n = 0;

	while (stages && stages[n])
		n++;
	list = calloc(n + 1, sizeof(*list));
	for (size_t i = 0; list && i < n; i++)
		list[i].argv = stages[i];
	*ret_n = n;
	return list;
}

struct af_pipe *af_pipe_spawn(struct af_loop *loop,
			      const char *const *const stages[],
			      const struct af_spawn_options *options)
{
	struct af_pipe *pipeline;
	struct af_stage *list;
	size_t n;
	int error, r = afi_loop_usable(loop);

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	list = afi_stages_list(stages, &n);
	if (!list)
		return stages_refuse(loop, "stages", ENOMEM);
	pipeline = af_pipe_spawn_stages(loop, list, n, options);
	error = errno;
	free(list);
	errno = error;
	return pipeline;
}
