/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child, up to its program: session, descriptors, attributes, exec. It may
 * share the parent's memory, and other threads of the parent run: so system
 * calls only, made directly, and no memory but what struct afi_child has.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/child.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

/* Where the calls without a number have 16 bits for an id. */
#ifdef SYS_setresuid32
#define SETRESUID SYS_setresuid32
#define SETRESGID SYS_setresgid32
#define SETGROUPS SYS_setgroups32
#else
#define SETRESUID SYS_setresuid
#define SETRESGID SYS_setresgid
#define SETGROUPS SYS_setgroups
#endif

/* A sanitizer's bookkeeping must not see the child: its memory is ours. */
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

/* Each step returns whether to go on. This one is why not, by errno. */
IN_CHILD static bool failed(struct afi_child *child, const char *step,
			    const char *name, long number)
{
	child->failure.step = step;
	child->failure.name = name;
	child->failure.number = number;
	child->failure.error = errno;
	return false;
}

IN_CHILD static bool join_session(struct afi_child *child)
{
	const struct af_spawn_options *options = child->spawn->options;
	int tty = child->spawn->tty;

	if (options->new_session || tty >= 0) {
		if (syscall(SYS_setsid) < 0)
			return failed(child, "setsid", NULL, AFI_NO_NUMBER);
	} else if (options->new_group || options->group > 0) {
		if (syscall(SYS_setpgid, 0, options->group) < 0)
			return failed(child, "setpgid", NULL, options->group);
	}
	if (tty >= 0 && syscall(SYS_ioctl, tty, TIOCSCTTY, 0) < 0)
		return failed(child, "terminal", NULL, AFI_NO_NUMBER);
	return true;
}

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* Without close_range(2): each descriptor that /proc knows. */
IN_CHILD static int mark_listed(int from)
{
	_Alignas(struct linux_dirent64) char buf[2048];
	struct linux_dirent64 *entry;
	long dir = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd",
			   O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long n;

	if (dir < 0)
		return -1;
	while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long i = 0; i < n; i += entry->d_reclen) {
			int fd = 0;

			entry = (void *)(buf + i);
			for (const char *c = entry->d_name; *c; c++)
				fd = *c == '.' ? 0 : fd * 10 + (*c - '0');
			if (fd >= from)
				syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
		}
	}
	syscall(SYS_close, dir);
	return n < 0 ? -1 : 0;
}

/* None that is there now outlives the exec, from a number on. */
IN_CHILD static bool close_others(struct afi_child *child)
{
	int from = child->spawn->options->closefrom;

	from = from ? from : 3;
#ifdef HAVE_CLOSE_RANGE
	if (syscall(SYS_close_range, from, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return true;
#endif
	return mark_listed(from) == 0 ||
	       failed(child, "open", "/proc/self/fd", AFI_NO_NUMBER);
}

/* Whether a number is one that something else will get. */
IN_CHILD static bool is_target(const struct afi_spawn *spawn, int fd)
{
	for (size_t i = 0; i < spawn->n_fds; i++)
		if (spawn->fds[i].child_fd == fd && spawn->fds[i].fd != fd)
			return true;
	return false;
}

/* Moves a descriptor to a number that nothing will get. */
IN_CHILD static bool move_aside(struct afi_child *child, int *fd)
{
	int copy = 2;

	if (!is_target(child->spawn, *fd))
		return true;
	do
		copy = (int)syscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, copy + 1);
	while (copy >= 0 && is_target(child->spawn, copy));
	if (copy < 0)
		return failed(child, "fd", NULL, *fd);
	*fd = copy;
	return true;
}

IN_CHILD static bool place_fds(struct afi_child *child)
{
	const struct afi_spawn *spawn = child->spawn;
	struct af_fd_map *map = spawn->fds, *end = map + spawn->n_fds;

	if (!move_aside(child, &child->error_fd))
		return false;
	for (; map < end; map++)
		if (map->fd != map->child_fd && !move_aside(child, &map->fd))
			return false;
	for (map = spawn->fds; map < end; map++) {
		long r;

		if (map->fd == map->child_fd)
			r = syscall(SYS_fcntl, map->fd, F_SETFD, 0);
		else
			r = syscall(SYS_dup3, map->fd, map->child_fd, 0);
		if (r < 0)
			return failed(child, "fd", NULL, map->child_fd);
	}
	return true;
}

/* What may take the privileges that are given up next. */
IN_CHILD static bool set_limits(struct afi_child *child)
{
	const struct af_spawn_options *options = child->spawn->options;

	if (options->umask)
		syscall(SYS_umask, *options->umask);
	for (size_t i = 0; i < options->n_limits; i++) {
		const struct af_limit *limit = &options->limits[i];
		uint64_t both[2] = { limit->soft, limit->hard };

		if (syscall(SYS_prlimit64, 0, limit->resource, both, NULL) < 0)
			return failed(child, "setrlimit", NULL,
				      limit->resource);
	}
	if (options->nice) {
		/* The kernel counts from 1, the least nice being 40. */
		long now = 20 - syscall(SYS_getpriority, PRIO_PROCESS, 0);
		long nice = now + options->nice;

		/* As an int it might be a small number again. */
		nice = nice > 19 ? 19 : nice < -20 ? -20 : nice;
		if (syscall(SYS_setpriority, PRIO_PROCESS, 0, nice) < 0)
			return failed(child, "nice", NULL, options->nice);
	}
	return true;
}

/* The C library's own would do the same in all threads of the parent. */
IN_CHILD static bool set_user(struct afi_child *child)
{
	const struct af_spawn_options *options = child->spawn->options;
	const uid_t *uid = options->uid;
	const gid_t *gid = options->gid;

	if (options->groups) {
		if (syscall(SETGROUPS, options->n_groups, options->groups) < 0)
			return failed(child, "setgroups", NULL, AFI_NO_NUMBER);
	} else if ((uid || gid) && syscall(SETGROUPS, 0, NULL) < 0 &&
		   errno != EPERM) {
		return failed(child, "setgroups", NULL, AFI_NO_NUMBER);
	}
	if (gid && syscall(SETRESGID, *gid, *gid, *gid) < 0)
		return failed(child, "setgid", NULL, (long)*gid);
	if (uid && syscall(SETRESUID, *uid, *uid, *uid) < 0)
		return failed(child, "setuid", NULL, (long)*uid);
	return true;
}

IN_CHILD static bool enter_cwd(struct afi_child *child)
{
	const char *cwd = child->spawn->options->cwd;

	return !cwd || syscall(SYS_chdir, cwd) == 0 ||
	       failed(child, "chdir", cwd, AFI_NO_NUMBER);
}

/* After set_user(), as that takes it back. */
IN_CHILD static bool die_with_parent(struct afi_child *child)
{
	long parent;

	if (!child->spawn->options->die_with_parent)
		return true;
	if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failed(child, "prctl", NULL, AFI_NO_NUMBER);
	/* It died before that? 0: it is outside of our pid namespace. */
	parent = syscall(SYS_getppid);
	if (parent != child->parent && parent != 0)
		syscall(SYS_exit_group, 127);
	return true;
}

IN_CHILD static bool reset_signals(struct afi_child *child)
{
	static const uint64_t unblocked;
	static const uint64_t by_default[8]; /* a struct sigaction of zeros */

	for (int signo = 1; signo <= AFI_KERNEL_SIGNALS; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			syscall(SYS_rt_sigaction, signo, by_default, NULL,
				AFI_KERNEL_SIGSET_SIZE);
	return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &unblocked, NULL,
		       AFI_KERNEL_SIGSET_SIZE) == 0 ||
	       failed(child, "sigprocmask", NULL, AFI_NO_NUMBER);
}

/* As execvp(3), which says which errors end the search. */
IN_CHILD static bool exec(struct afi_child *child)
{
	const struct afi_spawn *spawn = child->spawn;
	char *const *env = (char *const *)spawn->env;
	int error = ENOENT, denied = 0;

	for (char **path = child->paths; *path; path++) {
		syscall(SYS_execve, *path, spawn->argv, env);
		error = errno;
		if (error == ENOEXEC) {
			child->sh_argv[1] = *path;
			syscall(SYS_execve, "/bin/sh", child->sh_argv, env);
			error = errno;
		}
		if (error == EACCES) {
			denied = EACCES;
		} else if (error != ENOENT && error != ENOTDIR &&
			   error != ESTALE && error != ENODEV &&
			   error != ETIMEDOUT) {
			denied = 0;
			break;
		}
	}
	errno = denied ? denied : error;
	return failed(child, "exec", spawn->file, AFI_NO_NUMBER);
}

IN_CHILD int afi_child_main(void *arg)
{
	struct afi_child *child = arg;

	child->shared = 1;
	(void)(join_session(child) && close_others(child) && place_fds(child) &&
	       set_limits(child) && set_user(child) && enter_cwd(child) &&
	       die_with_parent(child) && reset_signals(child) && exec(child));
	syscall(SYS_write, child->error_fd, &child->failure,
		sizeof(child->failure));
	syscall(SYS_exit_group, 127);
	return 0;
}
