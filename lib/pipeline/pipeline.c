/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pipes: building a chain, all or nothing; the forwards to the files at its
 * ends; the status of the whole.
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
#include "process/stdfds.h"
#include "pipeline/pipeline.h"

static struct af_pipe *pipe_alloc(struct af_loop *loop, size_t n)
{
	struct af_pipe *pipe = calloc(1, sizeof(*pipe));

	if (!pipe)
		return NULL;
	pipe->stages = calloc(n, sizeof(*pipe->stages));
	if (!pipe->stages) {
		free(pipe);
		return NULL;
	}
	pipe->n_stages = n;
	pipe->loop = loop;
	afi_loop_ref(loop);
	LIST_INIT(&pipe->ops);
	return pipe;
}

static void pipe_free(struct af_pipe *pipe,
		      void (*free_process)(struct af_process *))
{
	af_file_close(pipe->err);
	for (size_t i = 0; i < pipe->n_stages; i++)
		free_process(pipe->stages[i]);
	afi_loop_unref(pipe->loop);
	free(pipe->stages);
	free(pipe);
}

struct af_pipe *af_pipe_new(struct af_process *first, struct af_process *last)
{
	size_t n = last && last != first ? 2 : 1;
	struct af_pipe *pipe;

	if (!first || (n == 2 && last->loop != first->loop)) {
		errno = EINVAL;
		return NULL;
	}
	pipe = pipe_alloc(first->loop, n);
	if (!pipe)
		return NULL;
	pipe->stages[0] = first;
	pipe->stages[n - 1] = n == 2 ? last : first;
	return pipe;
}

/* What every stage's stderr leads to, opened once; its fd, or -errno. */
static int open_stderr(struct af_pipe *pipe, const struct af_stdio *err,
		       struct afi_failure *failure)
{
	int ends[2];
	int r;

	if (err->kind == AFIO_PATH) {
		r = afi_path_open(err->path, true);
		return r < 0 ? afi_fail(failure, "open", err->path, -r) : r;
	}
	r = afi_pipe_open(ends);
	if (r < 0)
		return afi_fail(failure, "pipe", NULL, -r);
	pipe->err = afi_file_new_pipe(pipe->loop, ends[0], AFI_READ);
	if (pipe->err)
		return ends[1];
	r = afi_fail(failure, "memory", NULL, errno);
	close(ends[0]);
	close(ends[1]);
	return r;
}

/* Whether nobody is in a process group any more, as nobody can join it then. */
static bool has_vanished(pid_t group)
{
	return kill(-group, 0) < 0 && errno == ESRCH;
}

/*
 * Starts a stage in the chain's group: that of the first stage, or (0) its own
 * from here on. When the program ignores SIGCHLD, a group may vanish.
 */
static struct af_process *spawn_in_group(struct af_loop *loop,
					 const char *const argv[],
					 const struct af_spawn_options *stage,
					 pid_t *group)
{
	struct af_spawn_options joining = *stage;
	struct af_process *process;

	if (!stage->new_group || stage->new_session ||
	    stage->in.kind == AFIO_PTY || stage->out.kind == AFIO_PTY)
		return af_spawn(loop, argv, stage);
	joining.group = *group;
	process = af_spawn(loop, argv, &joining);
	if (!process && errno == EPERM && *group && has_vanished(*group)) {
		joining.group = *group = 0;
		process = af_spawn(loop, argv, &joining);
	}
	if (process && !*group)
		*group = af_process_pid(process);
	return process;
}

/*
 * What the chain's options are for stage i, with those before it started: its
 * place in the chain, and in whatever else all of them share. err is what
 * open_stderr() opened, or -1.
 */
static struct af_spawn_options stage_options(const struct af_pipe *pipe,
					     size_t i,
					     const struct af_spawn_options *all,
					     int err)
{
	struct af_spawn_options stage = *all;

	if (i > 0)
		stage.in = (struct af_stdio){ .kind = AFIO_PROCESS,
					      .process = pipe->stages[i - 1] };
	if (i + 1 < pipe->n_stages)
		stage.out = (struct af_stdio){ .kind = AFIO_PIPE };
	if (err >= 0)
		stage.err = (struct af_stdio){ .kind = AFIO_FD, .fd = err };
	if (all->err.kind == AFIO_PIPE_EACH)
		stage.err = (struct af_stdio){ .kind = AFIO_PIPE };
	return stage;
}

static int spawn_stages(struct af_pipe *pipe, const char *const *const stages[],
			const struct af_spawn_options *options)
{
	struct afi_failure failure;
	pid_t group = options->group;
	int err = -1, r = 0;

	if (options->err.kind == AFIO_PIPE || options->err.kind == AFIO_PATH) {
		err = open_stderr(pipe, &options->err, &failure);
		if (err < 0) {
			afi_failure_keep(pipe->loop, &failure);
			return err;
		}
	}
	for (size_t i = 0; i < pipe->n_stages && r == 0; i++) {
		struct af_spawn_options stage =
			stage_options(pipe, i, options, err);

		pipe->stages[i] =
			spawn_in_group(pipe->loop, stages[i], &stage, &group);
		if (!pipe->stages[i]) {
			r = -errno;
			afi_failure_in_stage(pipe->loop, i);
		}
	}
	if (err >= 0)
		close(err);
	return r;
}

/* Fails before anything is tried. */
static struct af_pipe *refuse(struct af_loop *loop, const char *option,
			      int error)
{
	struct afi_failure failure;

	afi_fail(&failure, "option", option, error);
	if (afi_loop_alive(loop))
		afi_failure_keep(loop, &failure);
	errno = error;
	return NULL;
}

struct af_pipe *af_pipe_spawn(struct af_loop *loop,
			      const char *const *const stages[],
			      const struct af_spawn_options *options)
{
	static const struct af_spawn_options inherit;
	struct af_pipe *pipe;
	size_t n = 0;
	int r;

	while (stages && stages[n] && stages[n][0])
		n++;
	if (!options)
		options = &inherit;
	if (loop && stages && stages[n]) { /* an empty one */
		refuse(loop, "argv", EINVAL);
		afi_failure_in_stage(loop, n);
		errno = EINVAL;
		return NULL;
	}
	if (!loop || n == 0)
		return refuse(loop, "stages", EINVAL);
	if (options->file)
		return refuse(loop, "file", EINVAL);
	if (options->err.kind == AFIO_PTY && n > 1)
		return refuse(loop, "err", EINVAL);
	pipe = pipe_alloc(loop, n);
	if (!pipe)
		return refuse(loop, "stages", ENOMEM);
	r = spawn_stages(pipe, stages, options);
	if (r < 0) {
		pipe_free(pipe, afi_process_destroy);
		errno = -r;
		return NULL;
	}
	return pipe;
}

void afi_pipe_add(struct af_pipe *pipe, struct afi_pipe_op *op,
		  struct af_future *f)
{
	op->future = f;
	LIST_INSERT_HEAD(&pipe->ops, op, entry);
}

void afi_pipe_remove(struct afi_pipe_op *op)
{
	if (op->future)
		LIST_REMOVE(op, entry);
	op->future = NULL;
}

void af_pipe_close(struct af_pipe *pipe)
{
	struct afi_pipe_op *op;

	if (!pipe)
		return;
	while ((op = LIST_FIRST(&pipe->ops)))
		af_future_cancel(op->future);
	pipe_free(pipe, af_process_free);
}

struct af_file *af_pipe_stdin(const struct af_pipe *pipe)
{
	return pipe ? af_process_stdin(pipe->stages[0]) : NULL;
}

struct af_file *af_pipe_stdout(const struct af_pipe *pipe)
{
	return pipe ? af_process_stdout(pipe->stages[pipe->n_stages - 1])
		    : NULL;
}

struct af_file *af_pipe_stderr(const struct af_pipe *pipe)
{
	if (!pipe || pipe->err)
		return pipe ? pipe->err : NULL;
	return af_process_stderr(pipe->stages[pipe->n_stages - 1]);
}

/* The answer where there is no file to forward to. */
static struct af_future *no_file(struct af_pipe *pipe)
{
	return afi_future_failed(pipe ? pipe->loop : NULL, -EBADF);
}

struct af_future *af_pipe_write(struct af_pipe *pipe, const void *buf,
				size_t len, unsigned flags,
				const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdin(pipe);

	return file ? af_file_write(file, buf, len, flags, timeout)
		    : no_file(pipe);
}

struct af_future *af_pipe_read(struct af_pipe *pipe, size_t size,
			       unsigned flags, const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdout(pipe);

	return file ? af_file_read(file, size, flags, timeout) : no_file(pipe);
}

struct af_future *af_pipe_readline(struct af_pipe *pipe, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stdout(pipe);

	return file ? af_file_readline(file, size, sizehint, flags, timeout)
		    : no_file(pipe);
}

struct af_future *af_pipe_read_stderr(struct af_pipe *pipe, size_t size,
				      unsigned flags,
				      const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stderr(pipe);

	return file ? af_file_read(file, size, flags, timeout) : no_file(pipe);
}

struct af_future *af_pipe_readline_stderr(struct af_pipe *pipe, size_t size,
					  size_t sizehint, unsigned flags,
					  const struct timeval *timeout)
{
	struct af_file *file = af_pipe_stderr(pipe);

	return file ? af_file_readline(file, size, sizehint, flags, timeout)
		    : no_file(pipe);
}

int af_pipe_close_stdin(struct af_pipe *pipe)
{
	return pipe ? af_process_close_stdin(pipe->stages[0]) : -EINVAL;
}

size_t af_pipe_stages(const struct af_pipe *pipe)
{
	return pipe ? pipe->n_stages : 0;
}

struct af_process *af_pipe_process(const struct af_pipe *pipe, size_t stage)
{
	return pipe && stage < pipe->n_stages ? pipe->stages[stage] : NULL;
}

int af_pipe_status(const struct af_pipe *pipe, size_t stage)
{
	struct af_process *process = af_pipe_process(pipe, stage);
	int status = -1;

	af_process_poll(process, &status);
	return status;
}
