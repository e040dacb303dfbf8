/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three standard streams of a child: from options to descriptors. Starts
 * nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "process/path.h"
#include "process/process.h"
#include "process/pty.h"
#include "process/stdfds.h"

/* Of tries to open a file that others create and remove meanwhile. */
#define TRIES 8

bool afi_stdfds_path_valid(const struct af_stdio *stdio, bool output)
{
	unsigned known =
		AFIO_PATH_NOFOLLOW | AFIO_PATH_FOLLOW | AFIO_PATH_AS_CHILD;
	unsigned either = AFIO_PATH_NOFOLLOW | AFIO_PATH_FOLLOW;

	if (output)
		known |= AFIO_PATH_APPEND | AFIO_PATH_EXCL;
	if (stdio->kind != AFIO_PATH)
		return stdio->path_flags == 0 && !stdio->mode;
	return (stdio->path_flags & ~known) == 0 &&
	       (stdio->path_flags & either) != either &&
	       (!stdio->mode || (output && *stdio->mode <= 07777));
}

static int stdfds_path_flags(const struct af_stdio *stdio, bool output)
{
	int flags = O_CLOEXEC | O_NOCTTY;

	if (output)
		flags |= O_WRONLY | O_CREAT;
	if (output && !(stdio->path_flags & AFIO_PATH_APPEND))
		flags |= O_TRUNC;
	if (stdio->path_flags & AFIO_PATH_APPEND)
		flags |= O_APPEND;
	if (stdio->path_flags & AFIO_PATH_EXCL)
		flags |= O_EXCL;
	if (stdio->path_flags & AFIO_PATH_NOFOLLOW)
		flags |= O_NOFOLLOW;
	return flags;
}

static mode_t stdfds_path_mode(const struct af_stdio *stdio)
{
	return stdio->mode ? *stdio->mode : 0666;
}

static int stdfds_open_by(const struct af_stdio *stdio, int flags, mode_t mode)
{
	int fd;

	if (!(stdio->path_flags & AFIO_PATH_FOLLOW))
		return afi_path_open(stdio->path, flags, mode);
	fd = afi_fd_openat(AT_FDCWD, stdio->path, flags, mode);
	return fd < 0 ? -errno : fd;
}

/*
 * With another mask than ours, which is of all our threads. A file that we
 * create gets what our mask took away, and one that was there keeps its mode.
 */
static int stdfds_open_masked(const struct af_stdio *stdio, int flags,
			      mode_t mode)
{
	int fd = -ENOENT;

	for (int i = 0; i < TRIES && fd == -ENOENT; i++) {
		fd = stdfds_open_by(stdio, flags | O_EXCL, mode);
		if (fd >= 0)
			fchmod(fd, mode);
		if (fd == -EEXIST && !(flags & O_EXCL))
			fd = stdfds_open_by(stdio, flags & ~O_CREAT, 0);
		else
			return fd;
	}
	/* A link that leads to no file yet. */
	return fd == -ENOENT ? stdfds_open_by(stdio, flags, mode) : fd;
}

int afi_stdfds_open_path(const struct af_stdio *stdio, bool output,
			 const mode_t *umask)
{
	int flags = stdfds_path_flags(stdio, output);
	mode_t mode = stdfds_path_mode(stdio);
	int fd;

	if (!stdio->path)
		return -EINVAL;
	if (output && umask)
		fd = stdfds_open_masked(stdio, flags, mode & ~*umask);
	else
		fd = stdfds_open_by(stdio, flags, mode);
	return fd < 0 ? fd : afi_fd_above_stdio(fd);
}

/* Without O_CREAT: it may be missing, as in a bare chroot. */
static int stdfds_open_null(bool output)
{
	int mode = output ? O_WRONLY : O_RDONLY;

	return afi_fd_above_stdio(
		open("/dev/null", mode | O_CLOEXEC | O_NOCTTY));
}

/* Leaves a path to the child. If that is root, it must follow no trap, either. */
static void stdfds_leave_path(struct afi_child_stream *late,
			      const struct af_stdio *stdio, bool output,
			      const uid_t *uid)
{
	late->path = stdio->path;
	late->flags = stdfds_path_flags(stdio, output);
	late->mode = stdfds_path_mode(stdio);
	late->no_links = !(stdio->path_flags & AFIO_PATH_FOLLOW) &&
			 (uid ? *uid : geteuid()) == 0;
}

static int stdfds_open_file(struct afi_stdfds *fds, int i,
			    const struct af_stdio *stdio,
			    const struct afi_child_plan *plan)
{
	int fd;

	if (stdio->kind == AFIO_NULL) {
		fd = stdfds_open_null(i > 0);
	} else if (stdio->path_flags & AFIO_PATH_AS_CHILD) {
		stdfds_leave_path(&fds->late[i], stdio, i > 0, plan->uid);
		return 0;
	} else {
		fd = afi_stdfds_open_path(stdio, i > 0,
					  i == 2 && fds->keep_err
						  ? fds->umask
						  : plan->options->umask);
	}
	if (fd < 0)
		return fd;
	fds->child[i] = fd;
	fds->opened[i] = true;
	return 0;
}

void afi_stdfds_give_away(int fd, const uid_t *uid, const gid_t *gid)
{
	if (uid || gid)
		(void)!fchown(fd, uid ? *uid : (uid_t)-1,
			      gid ? *gid : (gid_t)-1);
}

static int stdfds_open_pipe(struct afi_stdfds *fds, int i,
			    const struct afi_child_plan *plan)
{
	int ends[2];
	int r = afi_pipe_open(ends);

	if (r < 0)
		return r;
	afi_stdfds_give_away(ends[0], plan->uid, plan->gid);
	fds->child[i] = ends[i == 0 ? 0 : 1];
	fds->parent[i] = ends[i == 0 ? 1 : 0];
	fds->opened[i] = true;
	return 0;
}

/* All streams that lead to a terminal share one. */
static int stdfds_open_tty(struct afi_stdfds *fds, int i,
			   const struct afi_child_plan *plan)
{
	int r = 0;

	if (fds->tty < 0)
		r = afi_pty_open(&fds->master, &fds->tty, plan->options,
				 plan->uid);
	fds->child[i] = fds->tty;
	return r;
}

/* Takes the reading end, which is ours, of another process's stdout. */
static int stdfds_take_stdout(struct afi_stdfds *fds,
			      const struct af_process *other)
{
	struct af_file *file = other ? other->files[1] : NULL;

	if (!file || file == other->pty || file->layer)
		return -EINVAL;
	if (!afi_loop_is_mine(other->loop))
		return -EPERM;
	if (!afi_file_is_untouched(file) || afi_file_is_busy(file))
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

/* stderr leads to where stdout does, whatever that is. */
static void stdfds_take_own_stdout(struct afi_stdfds *fds)
{
	fds->child[2] = fds->child[1];
	if (fds->late[1].closed)
		fds->late[2].closed = true;
	else if (fds->late[1].path)
		fds->late[2].is_stdout = true;
	else if (fds->child[1] < 0)
		fds->child[2] = 1;
}

static int stdfds_open_one(struct afi_stdfds *fds, int i,
			   const struct af_stdio *stdio,
			   const struct afi_child_plan *plan,
			   struct afi_failure *failure)
{
	static const char *const stdfds_names[3] = { "in", "out", "err" };
	const char *path = stdio->kind == AFIO_NULL ? "/dev/null" : stdio->path;
	int r = -EINVAL;

	switch (stdio->kind) {
	case AFIO_DEFAULT:
	case AFIO_INHERIT:
		return 0;
	case AFIO_PIPE:
		r = stdfds_open_pipe(fds, i, plan);
		return r < 0 ? afi_fail(failure, AFIO_STEP_PIPE, NULL, -r) : 0;
	case AFIO_PTY:
		r = stdfds_open_tty(fds, i, plan);
		return r < 0 ? afi_fail(failure, AFIO_STEP_TERMINAL, NULL, -r)
			     : 0;
	case AFIO_NULL:
	case AFIO_PATH:
		r = stdfds_open_file(fds, i, stdio, plan);
		return r < 0 ? afi_fail(failure, AFIO_STEP_OPEN, path, -r) : 0;
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
		stdfds_take_own_stdout(fds);
		return 0;
	case AFIO_CLOSED:
		fds->late[i].closed = true;
		return 0;
	case AFIO_PIPE_EACH: /* of a pipeline, which asks for AFIO_PIPE */
		break;
	}
	return r < 0 ? afi_fail(failure, AFIO_STEP_OPTION, stdfds_names[i], -r)
		     : 0;
}

/* Last, as it changes files; and what leads where such a stream does. */
static bool stdfds_is_last(const struct af_stdio *stdio, int i)
{
	return stdio->kind == AFIO_PATH ||
	       (i == 2 && stdio->kind == AFIO_STDOUT);
}

int afi_stdfds_open(struct afi_stdfds *fds, const struct afi_child_plan *plan,
		    struct afi_failure *failure)
{
	const struct af_spawn_options *options = plan->options;
	const struct af_stdio *stdio[3] = { &options->in, &options->out,
					    &options->err };
	int r = 0;

	*fds = (struct afi_stdfds){ .child = { -1, -1, -1 },
				    .parent = { -1, -1, -1 },
				    .tty = -1,
				    .master = -1 };
	for (int i = 0; i < 3 && r == 0; i++)
		if (stdio[i]->kind == AFIO_PATH && !stdio[i]->path)
			r = afi_fail(failure, AFIO_STEP_OPEN, NULL, EINVAL);
	for (int i = 0; i < 3 && r == 0; i++)
		if (!stdfds_is_last(stdio[i], i))
			r = stdfds_open_one(fds, i, stdio[i], plan, failure);
	if (r < 0)
		afi_stdfds_abandon(fds);
	return r;
}

int afi_stdfds_open_paths(struct afi_stdfds *fds,
			  const struct afi_child_plan *plan,
			  struct afi_failure *failure)
{
	const struct af_spawn_options *options = plan->options;
	const struct af_stdio *stdio[3] = { &options->in, &options->out,
					    &options->err };
	int r = 0;

	for (int i = 0; i < 3 && r == 0; i++)
		if (stdfds_is_last(stdio[i], i))
			r = stdfds_open_one(fds, i, stdio[i], plan, failure);
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
