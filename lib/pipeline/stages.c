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

/* As it is done with the pipes of each stage that has these options. */
static void stages_give_away(int fd, const struct af_spawn_options *options)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (options->reset_ids)
		afi_stdfds_give_away(fd, &uid, &gid);
	else
		afi_stdfds_give_away(fd, options->uid, options->gid);
}

static int stages_open_stderr_pipe(struct afi_stages *all,
				   struct afi_failure *failure)
{
	struct af_pipe *pipeline = all->pipeline;
	int ends[2];
	int r = afi_pipe_open(ends);

	if (r < 0)
		return afi_fail(failure, AFIO_STEP_PIPE, NULL, -r);
	stages_give_away(ends[0], all->ends);
	pipeline->err = afi_file_new_pipe(pipeline->loop, ends[0], AFI_READ);
	if (pipeline->err) {
		all->err = ends[1];
		return 0;
	}
	r = afi_fail(failure, AFIO_STEP_MEMORY, NULL, errno);
	close(ends[0]);
	close(ends[1]);
	return r;
}

int afi_stages_open_stderr(struct afi_stages *all, bool may_wait,
			   struct afi_failure *failure)
{
	const struct af_stdio *err = &all->ends->err;
	int fd;

	if (err->kind == AFIO_PIPE)
		return stages_open_stderr_pipe(all, failure);
	/* If a child opens it, there is only one. */
	if (!may_wait || err->kind != AFIO_PATH ||
	    err->path_flags & AFIO_PATH_AS_CHILD)
		return 0;
	fd = afi_stdfds_open_path(err, true, all->ends->umask);
	if (fd < 0)
		return afi_fail(failure, AFIO_STEP_OPEN, err->path, -fd);
	all->err = fd;
	return 0;
}

static bool stages_has_own_group(const struct af_spawn_options *options)
{
	return options->new_group || options->new_session || options->group ||
	       options->foreground || options->tty_fd;
}

/* Whether the next stage, with these options, belongs to the group of all. */
static bool stages_joins_group(const struct afi_stages *all,
			       const struct af_spawn_options *options)
{
	const struct af_spawn_options *own = all->stages[all->next].options;

	return options->new_group && !options->new_session &&
	       !options->tty_fd && !(own && stages_has_own_group(own)) &&
	       options->in.kind != AFIO_PTY && options->out.kind != AFIO_PTY &&
	       options->err.kind != AFIO_PTY;
}

bool afi_stages_shares_stderr(const struct afi_stages *all)
{
	const struct af_spawn_options *own = all->stages[all->next].options;

	return !own || own->err.kind == AFIO_DEFAULT;
}

static struct af_stdio stages_stderr(const struct afi_stages *all)
{
	if (all->err >= 0)
		return (struct af_stdio){ .kind = AFIO_FD, .fd = all->err };
	if (all->ends->err.kind == AFIO_PIPE_EACH)
		return (struct af_stdio){ .kind = AFIO_PIPE };
	return all->ends->err;
}

struct af_spawn_options afi_stages_options(const struct afi_stages *all)
{
	const struct af_spawn_options *own = all->stages[all->next].options;
	const struct af_spawn_options *ends = all->ends;
	struct af_pipe *pipeline = all->pipeline;
	struct af_spawn_options options = own ? *own : *ends;

	options.in = ends->in;
	options.out = ends->out;
	if (all->next > 0)
		options.in = (struct af_stdio){
			.kind = AFIO_PROCESS,
			.process = pipeline->stages[all->next - 1]
		};
	if (all->next + 1 < pipeline->n_stages)
		options.out = (struct af_stdio){ .kind = AFIO_PIPE };
	if (afi_stages_shares_stderr(all))
		options.err = stages_stderr(all);
	if (own && !stages_has_own_group(own)) {
		options.new_group = ends->new_group;
		options.new_session = ends->new_session;
		options.group = ends->group;
		options.foreground = ends->foreground;
		options.tty_fd = ends->tty_fd;
	}
	if (stages_joins_group(all, &options))
		options.group = all->group;
	return options;
}

void afi_stages_add(struct afi_stages *all, struct af_process *process)
{
	struct af_spawn_options options = afi_stages_options(all);

	if (!all->group && stages_joins_group(all, &options))
		all->group = af_process_pid(process);
	all->pipeline->stages[all->next++] = process;
}

bool afi_stages_retry(struct afi_stages *all, int error)
{
	struct af_spawn_options options = afi_stages_options(all);

	if (error != -EPERM || all->group == all->ends->group ||
	    !stages_joins_group(all, &options))
		return false;
	/* It vanishes with its leader, if the program ignores SIGCHLD. */
	if (kill(-all->group, 0) == 0 || errno != ESRCH)
		return false;
	all->group = 0;
	return true;
}

static int stages_start_next(struct afi_stages *all)
{
	struct af_loop *loop = all->pipeline->loop;
	struct af_spawn_options options;
	struct af_process *process;
	int r;

	do {
		options = afi_stages_options(all);
		process = af_spawn(loop, all->stages[all->next].argv, &options);
		r = process ? 0 : -errno;
	} while (r < 0 && afi_stages_retry(all, r));
	if (process)
		afi_stages_add(all, process);
	else
		afi_failure_in_stage(loop, all->next, loop->spawn_error);
	return r;
}

static int stages_start(struct af_pipe *pipeline, const struct af_stage *stages,
			const struct af_spawn_options *ends)
{
	struct afi_stages all = { .pipeline = pipeline,
				  .stages = stages,
				  .ends = ends,
				  .err = -1,
				  .group = ends->group };
	struct afi_failure failure;
	int r = afi_stages_open_stderr(&all, true, &failure);

	if (r < 0)
		afi_failure_keep(pipeline->loop, &failure);
	while (r == 0 && !afi_stages_all_started(&all))
		r = stages_start_next(&all);
	if (all.err >= 0)
		close(all.err);
	return r;
}

/* Sets af_spawn_error(); -error. */
static int stages_fail(struct af_loop *loop, enum af_spawn_step step,
		       const char *name, int error)
{
	struct afi_failure failure;
	int r = afi_fail(&failure, step, name, error);

	afi_failure_keep(loop, &failure);
	return r;
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
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		nonsense = stages_find_nonsense(&stages[i]);
		if (!nonsense)
			continue;
		r = stages_fail(loop, AFIO_STEP_OPTION, nonsense, EINVAL);
		afi_failure_in_stage(loop, i, loop->spawn_error);
	}
	nonsense = stages_find_nonsense_of_ends(ends, n);
	if (r == 0 && nonsense)
		r = stages_fail(loop, AFIO_STEP_OPTION, nonsense, EINVAL);
	return r;
}

struct af_pipe *af_pipe_spawn_stages(struct af_loop *loop,
				     const struct af_stage *stages, size_t n,
				     const struct af_spawn_options *ends)
{
	static const struct af_spawn_options stages_defaults;
	int r = afi_loop_usable(loop);
	struct af_pipe *pipeline = NULL;

	if (!ends)
		ends = &stages_defaults;
	n = stages ? n : 0;
	if (r == 0)
		r = afi_stages_check(loop, stages, n, ends);
	if (r < 0)
		goto fail;
	pipeline = afi_pipeline_new(loop, n);
	if (pipeline)
		r = stages_start(pipeline, stages, ends);
	else
		r = stages_fail(loop, AFIO_STEP_MEMORY, NULL, ENOMEM);
	if (r == 0)
		return pipeline;
fail:
	if (pipeline)
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
	struct af_pipe *pipeline = NULL;
	struct af_stage *list = NULL;
	int r = afi_loop_usable(loop);
	size_t n;

	if (r < 0)
		goto out;
	list = afi_stages_list(stages, &n);
	if (!list) {
		r = stages_fail(loop, AFIO_STEP_MEMORY, NULL, ENOMEM);
		goto out;
	}
	pipeline = af_pipe_spawn_stages(loop, list, n, options);
	r = -errno;
out:
	free(list);
	if (!pipeline)
		errno = -r;
	return pipeline;
}
