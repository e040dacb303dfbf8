/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three standard streams of a child: from options to descriptors. Starts
 * nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/process.h"
#include "process/pty.h"
#include "process/stdfds.h"

int afi_stdfds_open_path(const char *path, bool output)
{
	int mode = output ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY;
	int fd;

	if (!path)
		return -EINVAL;
	fd = open(path, mode | O_CLOEXEC | O_NOCTTY, 0666);
	return fd < 0 ? -errno : afi_fd_above_stdio(fd);
}

/* Without O_CREAT: it may be missing, as in a bare chroot. */
static int stdfds_open_null(bool output)
{
	int mode = output ? O_WRONLY : O_RDONLY;
	int fd = open("/dev/null", mode | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : afi_fd_above_stdio(fd);
}

static int stdfds_open_file(struct afi_stdfds *fds, int i,
			    const struct af_stdio *stdio)
{
	int fd = stdio->kind == AFIO_NULL
			 ? stdfds_open_null(i > 0)
			 : afi_stdfds_open_path(stdio->path, i > 0);

	if (fd < 0)
		return fd;
	fds->child[i] = fd;
	fds->opened[i] = true;
	return 0;
}

static int stdfds_open_pipe(struct afi_stdfds *fds, int i)
{
	int ends[2];
	int r = afi_pipe_open(ends);

	if (r < 0)
		return r;
	fds->child[i] = ends[i == 0 ? 0 : 1];
	fds->parent[i] = ends[i == 0 ? 1 : 0];
	fds->opened[i] = true;
	return 0;
}

/* All streams that lead to a terminal share one. */
static int stdfds_open_tty(struct afi_stdfds *fds, int i,
			   const struct af_spawn_options *options)
{
	int r = 0;

	if (fds->tty < 0)
		r = afi_pty_open(&fds->master, &fds->tty, options->pty_rows,
				 options->pty_columns, options->uid);
	fds->child[i] = fds->tty;
	return r;
}

/* Takes the reading end, which is ours, of another process's stdout. */
static int stdfds_take_stdout(struct afi_stdfds *fds,
			      const struct af_process *other)
{
	struct af_file *file = other ? other->files[1] : NULL;

	if (!file || file == other->pty)
		return -EINVAL;
	if (!afi_loop_is_mine(other->loop))
		return -EPERM;
	if (!afi_file_is_untouched(file))
		return -EBUSY;
	fds->taken = file;
	fds->child[0] = file->user_fd;
	/* Nobody shares it with us, and a program expects it to block. */
	if (file->own_description)
		afi_fd_set_nonblock(file->user_fd, false);
	return 0;
}

static int stdfds_take_fd(struct afi_stdfds *fds, int i, int fd)
{
	if (fcntl(fd, F_GETFD) < 0)
		return -EBADF;
	fds->child[i] = fd;
	return 0;
}

static int stdfds_open_one(struct afi_stdfds *fds, int i,
			   const struct af_stdio *stdio,
			   const struct af_spawn_options *options,
			   struct afi_failure *failure)
{
	static const char *const stdfds_names[3] = { "in", "out", "err" };
	int r = -EINVAL;

	switch (stdio->kind) {
	case AFIO_DEFAULT:
	case AFIO_INHERIT:
		return 0;
	case AFIO_PIPE:
		r = stdfds_open_pipe(fds, i);
		return r < 0 ? afi_fail(failure, AFIO_STEP_PIPE, NULL, -r) : 0;
	case AFIO_PTY:
		r = stdfds_open_tty(fds, i, options);
		return r < 0 ? afi_fail(failure, AFIO_STEP_TERMINAL, NULL, -r)
			     : 0;
	case AFIO_PATH: /* see afi_stdfds_open_paths() */
		return 0;
	case AFIO_NULL:
		r = stdfds_open_file(fds, i, stdio);
		return r < 0 ? afi_fail(failure, AFIO_STEP_OPEN, "/dev/null",
					-r)
			     : 0;
	case AFIO_FD:
		r = stdfds_take_fd(fds, i, stdio->fd);
		return r < 0 ? afi_fail_number(failure, AFIO_STEP_FD, stdio->fd,
					       -r)
			     : 0;
	case AFIO_PROCESS:
		if (i == 0)
			r = stdfds_take_stdout(fds, stdio->process);
		break;
	case AFIO_STDOUT:
		if (i != 2)
			break;
		fds->child[2] = fds->child[1] < 0 ? 1 : fds->child[1];
		return 0;
	case AFIO_PIPE_EACH: /* of a pipeline, which asks for AFIO_PIPE */
		break;
	}
	return r < 0 ? afi_fail(failure, AFIO_STEP_OPTION, stdfds_names[i], -r)
		     : 0;
}

int afi_stdfds_open_paths(struct afi_stdfds *fds,
			  const struct af_spawn_options *options,
			  struct afi_failure *failure)
{
	const struct af_stdio *stdio[3] = { &options->in, &options->out,
					    &options->err };
	int r;

	for (int i = 0; i < 3; i++) {
		if (stdio[i]->kind != AFIO_PATH)
			continue;
		r = stdfds_open_file(fds, i, stdio[i]);
		if (r < 0)
			return afi_fail(failure, AFIO_STEP_OPEN, stdio[i]->path,
					-r);
	}
	if (options->err.kind == AFIO_STDOUT && options->out.kind == AFIO_PATH)
		fds->child[2] = fds->child[1];
	return 0;
}

int afi_stdfds_open(struct afi_stdfds *fds,
		    const struct af_spawn_options *options,
		    struct afi_failure *failure)
{
	const struct af_stdio *stdio[3] = { &options->in, &options->out,
					    &options->err };
	int r = 0;

	*fds = (struct afi_stdfds){ .child = { -1, -1, -1 },
				    .parent = { -1, -1, -1 },
				    .tty = -1,
				    .master = -1 };
	for (int i = 0; i < 3 && r == 0; i++)
		r = stdfds_open_one(fds, i, stdio[i], options, failure);
	if (r < 0)
		afi_stdfds_abandon(fds);
	return r;
}

static void stdfds_close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void afi_stdfds_close_child(struct afi_stdfds *fds)
{
	for (int i = 0; i < 3; i++) {
		if (i == 2 && fds->keep_err)
			continue;
		if (fds->opened[i])
			close(fds->child[i]);
		fds->opened[i] = false;
	}
	stdfds_close_one(&fds->tty);
}

void afi_stdfds_abandon(struct afi_stdfds *fds)
{
	fds->keep_err = false;
	afi_stdfds_close_child(fds);
	for (int i = 0; i < 3; i++)
		stdfds_close_one(&fds->parent[i]);
	stdfds_close_one(&fds->master);
	if (fds->taken && fds->taken->own_description)
		afi_fd_set_nonblock(fds->taken->user_fd, true);
}
