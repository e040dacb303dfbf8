/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child by fork(2), up to its program: session, descriptors, attributes,
 * exec. It has a copy of our memory. Other threads of the parent may have held
 * locks at the fork: so it calls only what may be called in a signal handler, and
 * opendir(3).
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/child.h"
#include "process/identity.h"

/* One more than the highest signal. */
#ifndef NSIG
#define NSIG 65
#endif

/* Numbers to try where the system does not say how many there may be. */
#define MAX_FDS 65536

/* Elsewhere, the first terminal that a session opens becomes its own. */
#ifdef TIOCSCTTY
static int child_take_tty(int tty)
{
	return ioctl(tty, TIOCSCTTY, 0);
}
#else
static int child_take_tty(int tty)
{
	const char *name = ttyname(tty);
	int fd = name ? open(name, O_RDWR) : -1;

	return fd < 0 ? -1 : close(fd);
}
#endif

/* Gives our terminal to its group; SIGTTOU is blocked. */
static bool child_enter_foreground(struct afi_child *child)
{
	return tcsetpgrp(child->plan->foreground, getpgrp()) == 0 ||
	       afi_child_failed(child, AFIO_STEP_TERMINAL, NULL, AFI_NO_NUMBER);
}

static bool child_join_session(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;
	int tty = child->plan->tty;

	if (options->new_session || tty >= 0) {
		if (setsid() < 0)
			return afi_child_failed(child, AFIO_STEP_SETSID, NULL,
						AFI_NO_NUMBER);
	} else if (options->new_group || options->group > 0) {
		if (setpgid(0, options->group) < 0)
			return afi_child_failed(child, AFIO_STEP_SETPGID, NULL,
						options->group);
	}
	if (child->plan->foreground >= 0)
		return child_enter_foreground(child);
	return tty < 0 || child_take_tty(tty) == 0 ||
	       afi_child_failed(child, AFIO_STEP_TERMINAL, NULL,
				options->tty_fd ? *options->tty_fd
						: AFI_NO_NUMBER);
}

/*
 * Marks each descriptor that a folder lists. False: there is none, or it does
 * not list all, as it lacks the descriptor with which it is read.
 */
static bool child_mark_listed(const char *folder, int from)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	bool complete = false;

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (*entry->d_name < '0' || *entry->d_name > '9')
			continue;
		complete = complete || fd == dirfd(dir);
		if (fd >= from)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	closedir(dir);
	return complete;
}

/* Marks all from closefrom on, so that the exec closes them. */
static bool child_close_others(struct afi_child *child)
{
	int from = child->plan->options->closefrom;
	long max;

	from = from ? from : 3;
	if (child_mark_listed("/dev/fd", from))
		return true;
	max = sysconf(_SC_OPEN_MAX);
	max = max > 0 && max < INT_MAX ? max : MAX_FDS;
	for (int fd = from; fd < max; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return true;
}

/* Whether a stream is made only in the child, or closed there. */
static bool child_is_late(const struct afi_child_stream *stream)
{
	return stream->path || stream->closed || stream->is_stdout;
}

/* Whether another descriptor, or none, will get this number. */
static bool child_is_target(const struct afi_child_plan *plan, int fd)
{
	size_t from = 0, to = plan->n_targets, middle;

	if (fd >= 0 && fd < 3 && child_is_late(&plan->streams[fd]))
		return true;
	while (from < to) {
		middle = from + (to - from) / 2;
		if (plan->targets[middle] == fd)
			return true;
		if (plan->targets[middle] < fd)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

/* Moves a descriptor to a number that no other will get. */
static bool child_move_aside(struct afi_child *child, int *fd)
{
	int copy = 2;

	if (!child_is_target(child->plan, *fd))
		return true;
	do
		copy = fcntl(*fd, F_DUPFD_CLOEXEC, copy + 1);
	while (copy >= 0 && child_is_target(child->plan, copy));
	if (copy < 0)
		return afi_child_failed(child, AFIO_STEP_FD, NULL, *fd);
	*fd = copy;
	return true;
}

/* Puts an open descriptor in the place of another one, to be inherited. */
static int child_place(int fd, int number)
{
	if (fd == number)
		return fcntl(fd, F_SETFD, 0);
	return fd < 0 ? fd : dup2(fd, number);
}

static bool child_place_fds(struct afi_child *child)
{
	const struct afi_child_plan *plan = child->plan;
	struct af_fd_map *map = plan->fds, *end = map + plan->n_fds;

	if (!child_move_aside(child, &child->error_fd) ||
	    !child_move_aside(child, &child->cwd_fd) ||
	    !child_move_aside(child, &child->program_fd))
		return false;
	for (; map < end; map++)
		if (map->fd != map->child_fd &&
		    !child_move_aside(child, &map->fd))
			return false;
	for (map = plan->fds; map < end; map++)
		if (child_place(map->fd, map->child_fd) < 0)
			return afi_child_failed(child, AFIO_STEP_FD, NULL,
						map->child_fd);
	for (int fd = 0; fd < 3; fd++)
		if (child_is_late(&plan->streams[fd]))
			close(fd);
	return true;
}

static rlim_t child_limit(uint64_t limit)
{
	return limit == AFIO_NO_LIMIT || limit >= RLIM_INFINITY ? RLIM_INFINITY
								: (rlim_t)limit;
}

static bool child_set_nice(struct afi_child *child, int add)
{
	long nice;

	errno = 0;
	nice = getpriority(PRIO_PROCESS, 0);
	if (nice == -1 && errno)
		return afi_child_failed(child, AFIO_STEP_NICE, NULL, add);
	/* Clamped while it is long: as an int it might wrap. */
	nice += add;
	nice = nice > 19 ? 19 : nice < -20 ? -20 : nice;
	return setpriority(PRIO_PROCESS, 0, (int)nice) == 0 ||
	       afi_child_failed(child, AFIO_STEP_NICE, NULL, add);
}

/* Before afi_child_take_rights(), which may drop the privileges for it. */
static bool child_set_limits(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;

	if (options->umask)
		umask(*options->umask);
	for (size_t i = 0; i < options->n_limits; i++) {
		const struct af_limit *limit = &options->limits[i];
		const struct rlimit both = { child_limit(limit->soft),
					     child_limit(limit->hard) };

		if (setrlimit(limit->resource, &both) < 0)
			return afi_child_failed(child, AFIO_STEP_LIMIT, NULL,
						limit->resource);
	}
	return !options->nice || child_set_nice(child, options->nice);
}

static bool child_call(struct afi_child *child, af_child_fn fn, void *arg,
		       enum af_spawn_step step)
{
	int r = fn ? fn(arg) : 0;

	if (r == 0)
		return true;
	errno = r < 0 ? -r : EINVAL;
	return afi_child_failed(child, step, NULL, AFI_NO_NUMBER);
}

static bool child_before_identity(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;

	return child_call(child, options->before_identity,
			  options->before_identity_arg,
			  AFIO_STEP_BEFORE_IDENTITY);
}

static bool child_before_exec(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;

	return child_call(child, options->before_exec, options->before_exec_arg,
			  AFIO_STEP_BEFORE_EXEC);
}

static bool child_enter_cwd(struct afi_child *child)
{
	const char *cwd = child->plan->options->cwd;

	if (child->cwd_fd >= 0 && fchdir(child->cwd_fd) < 0)
		return afi_child_failed(child, AFIO_STEP_CHDIR, NULL,
					*child->plan->options->cwd_fd);
	return !cwd || chdir(cwd) == 0 ||
	       afi_child_failed(child, AFIO_STEP_CHDIR, cwd, AFI_NO_NUMBER);
}

/* Leaves errno alone. */
static void child_close_quietly(int fd)
{
	int before = errno;

	close(fd);
	errno = before;
}

static bool child_is_link(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return true;
	errno = ENOTDIR;
	return false;
}

/* Opens a path that must have no link, part by part. */
static int child_open_without_links(const struct afi_child_stream *stream)
{
	const char *rest = stream->path;
	int dir = open(*rest == '/' ? "/" : ".", O_RDONLY | O_CLOEXEC), next;
	char name[NAME_MAX + 1];
	size_t len;

	for (;;) {
		rest += strspn(rest, "/");
		len = strcspn(rest, "/");
		if (dir < 0 || !rest[len])
			break;
		if (len > NAME_MAX) {
			close(dir);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, rest, len);
		name[len] = '\0';
		rest += len;
		next = openat(dir, name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && errno == ENOTDIR && child_is_link(dir, name))
			errno = ELOOP;
		child_close_quietly(dir);
		dir = next;
	}
	next = dir < 0 ? -1
		       : openat(dir, *rest ? rest : ".",
				stream->flags | O_NOFOLLOW, stream->mode);
	if (dir >= 0)
		child_close_quietly(dir);
	return next;
}

/* With the rights of the child's user, and in its working directory. */
static bool child_open_streams(struct afi_child *child)
{
	const struct afi_child_stream *streams = child->plan->streams;

	for (int i = 0; i < 3; i++) {
		const struct afi_child_stream *stream = &streams[i];
		int fd;

		if (stream->is_stdout && child_place(1, i) < 0)
			return afi_child_failed(child, AFIO_STEP_FD, NULL, i);
		if (!stream->path)
			continue;
		fd = stream->no_links
			     ? child_open_without_links(stream)
			     : open(stream->path, stream->flags, stream->mode);
		if (child_place(fd, i) < 0)
			return afi_child_failed(child, AFIO_STEP_OPEN,
						stream->path, AFI_NO_NUMBER);
	}
	return true;
}

/* What only Linux has: not less than was asked for. */
static bool child_check_rest(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;

	errno = ENOSYS;
	if (options->die_with_parent)
		return afi_child_failed(child, AFIO_STEP_DIE_WITH_PARENT, NULL,
					AFI_NO_NUMBER);
	return !options->no_new_privs ||
	       afi_child_failed(child, AFIO_STEP_NO_NEW_PRIVS, NULL,
				AFI_NO_NUMBER);
}

/* Before any function of the program: its handlers are not for the child. */
static bool child_reset_handlers(struct afi_child *child)
{
	uint64_t ignored = child->plan->ignored;

	for (int signo = 1; signo < NSIG; signo++) {
		struct sigaction action = { .sa_handler = SIG_DFL };

		if (signo <= AFI_KERNEL_SIGNALS && ignored >> (signo - 1) & 1)
			action.sa_handler = SIG_IGN;
		sigaction(signo, &action, NULL);
	}
	return true;
}

static bool child_unblock_signals(struct afi_child *child)
{
	sigset_t none;

	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0 ||
	       afi_child_failed(child, AFIO_STEP_SIGNALS, NULL, AFI_NO_NUMBER);
}

#ifdef HAVE_FEXECVE
static void child_fexecve(int fd, char *const *argv, char *const *env)
{
	fexecve(fd, argv, env);
}
#else
static void child_fexecve(int fd, char *const *argv, char *const *env)
{
	(void)fd;
	(void)argv;
	(void)env;
	errno = ENOSYS;
}
#endif

/*
 * The last steps before the exec. There the user may signal the child already,
 * so there is nothing here that could have been done before.
 */
static bool child_commit(struct afi_child *child)
{
	if (child->committed)
		return true;
	child->committed =
		afi_child_become_user(child) && child_before_exec(child);
	return child->committed;
}

/* Of a descriptor; there is nothing to search. */
static bool child_exec_fd(struct afi_child *child)
{
	if (!child_commit(child))
		return false;
	child_fexecve(child->program_fd, (char *const *)child->plan->argv,
		      (char *const *)child->plan->env);
	return afi_child_failed(child, AFIO_STEP_EXEC, NULL,
				*child->plan->options->program_fd);
}

/* Returns only if that fails, by errno; false: not at the exec. */
static bool child_try(struct afi_child *child, char *path)
{
	const struct afi_child_plan *plan = child->plan;
	char *const *env = (char *const *)plan->env;

	/* Looking for a file may take long: not while the user may stop us. */
	if (plan->uid && !child->committed &&
	    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return true;
	if (!child_commit(child))
		return false;
	execve(path, (char *const *)plan->argv, env);
	if (errno == ENOEXEC && plan->sh_argv) {
		plan->sh_argv[1] = path;
		execve("/bin/sh", plan->sh_argv, env);
	}
	return true;
}

/* As execvp(3): an error other than those listed ends the search. */
static bool child_exec(struct afi_child *child)
{
	const struct afi_child_plan *plan = child->plan;
	int error = ENOENT, denied = 0;

	if (child->program_fd >= 0)
		return child_exec_fd(child);
	for (char **path = plan->paths; *path; path++) {
		if (!child_try(child, *path))
			return false;
		error = errno;
		if (error == EACCES) {
			denied = EACCES;
		} else if (error != ENOENT && error != ENOTDIR &&
			   error != ESTALE && error != ENODEV &&
			   error != ETIMEDOUT && error != ENAMETOOLONG) {
			denied = 0;
			break;
		}
	}
	errno = denied ? denied : error;
	return afi_child_failed(child, AFIO_STEP_EXEC, plan->program,
				AFI_NO_NUMBER);
}

int afi_child_main(void *arg)
{
	struct afi_child *child = arg;

	(void)(child_reset_handlers(child) && child_join_session(child) &&
	       child_close_others(child) && child_place_fds(child) &&
	       child_set_limits(child) && child_before_identity(child) &&
	       afi_child_take_rights(child) && child_enter_cwd(child) &&
	       child_open_streams(child) && child_check_rest(child) &&
	       child_unblock_signals(child) && child_exec(child));
	(void)!write(child->error_fd, &child->failure, sizeof(child->failure));
	_exit(127);
}
