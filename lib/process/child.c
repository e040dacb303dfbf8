/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child, up to its program: session, descriptors, attributes, exec. It may
 * share memory with the parent, whose other threads run. So it makes system
 * calls directly, and uses no memory except that of struct afi_child.
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
#include <sys/vfs.h>
#include <unistd.h>

#include "process/child.h"
#include "process/identity.h"
#include "process/path.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

#define PROC_MAGIC 0x9fa0

/* Of a new session, which must have none yet. */
AFI_IN_CHILD static bool child_take_tty(struct afi_child *child)
{
	const int *fd = child->plan->options->tty_fd;

	return syscall(SYS_ioctl, child->plan->tty, TIOCSCTTY, 0) == 0 ||
	       afi_child_failed(child, AFIO_STEP_TERMINAL, NULL,
				fd ? *fd : AFI_NO_NUMBER);
}

/*
 * Gives our terminal to its group; SIGTTOU is blocked. The parent does not do
 * so, too: it waits for the exec, and by then it may have the terminal back.
 */
AFI_IN_CHILD static bool child_enter_foreground(struct afi_child *child)
{
	int group = (int)syscall(SYS_getpgid, 0);

	return syscall(SYS_ioctl, child->plan->foreground, TIOCSPGRP, &group) ==
		       0 ||
	       afi_child_failed(child, AFIO_STEP_TERMINAL, NULL, AFI_NO_NUMBER);
}

AFI_IN_CHILD static bool child_join_session(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;
	int tty = child->plan->tty;

	if (options->new_session || tty >= 0) {
		if (syscall(SYS_setsid) < 0)
			return afi_child_failed(child, AFIO_STEP_SETSID, NULL,
						AFI_NO_NUMBER);
	} else if (options->new_group || options->group > 0) {
		if (syscall(SYS_setpgid, 0, options->group) < 0)
			return afi_child_failed(child, AFIO_STEP_SETPGID, NULL,
						options->group);
	}
	if (child->plan->foreground >= 0)
		return child_enter_foreground(child);
	return tty < 0 || child_take_tty(child);
}

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* Without close_range(2): marks each descriptor listed in /proc. */
AFI_IN_CHILD static int child_mark_listed(int from)
{
	_Alignas(struct linux_dirent64) char buf[2048];
	struct linux_dirent64 *entry;
	struct statfs fs;
	long dir = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd",
			   O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long n;

	if (dir < 0)
		return -1;
	/* In a chroot, it may be a directory like any other. */
	if (syscall(SYS_fstatfs, dir, &fs) < 0 ||
	    (unsigned long)fs.f_type != PROC_MAGIC) {
		syscall(SYS_close, dir);
		errno = ENOENT;
		return -1;
	}
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

/* Marks all from closefrom on, so that the exec closes them. */
AFI_IN_CHILD static bool child_close_others(struct afi_child *child)
{
	int from = child->plan->options->closefrom;

	from = from ? from : 3;
#ifdef HAVE_CLOSE_RANGE
	if (syscall(SYS_close_range, from, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return true;
#endif
	return child_mark_listed(from) == 0 ||
	       afi_child_failed(child, AFIO_STEP_OPEN, "/proc/self/fd",
				AFI_NO_NUMBER);
}

/* Whether a stream is made only in the child, or closed there. */
AFI_IN_CHILD static bool child_is_late(const struct afi_child_stream *stream)
{
	return stream->path || stream->closed || stream->is_stdout;
}

/* Whether another descriptor, or none, will get this number. */
AFI_IN_CHILD static bool child_is_target(const struct afi_child_plan *plan,
					 int fd)
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
AFI_IN_CHILD static bool child_move_aside(struct afi_child *child, int *fd)
{
	int copy = 2;

	if (!child_is_target(child->plan, *fd))
		return true;
	do
		copy = (int)syscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, copy + 1);
	while (copy >= 0 && child_is_target(child->plan, copy));
	if (copy < 0)
		return afi_child_failed(child, AFIO_STEP_FD, NULL, *fd);
	*fd = copy;
	return true;
}

AFI_IN_CHILD static bool child_place_fds(struct afi_child *child)
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
	for (map = plan->fds; map < end; map++) {
		long r;

		if (map->fd == map->child_fd)
			r = syscall(SYS_fcntl, map->fd, F_SETFD, 0);
		else
			r = syscall(SYS_dup3, map->fd, map->child_fd, 0);
		if (r < 0)
			return afi_child_failed(child, AFIO_STEP_FD, NULL,
						map->child_fd);
	}
	for (int fd = 0; fd < 3; fd++)
		if (child_is_late(&plan->streams[fd]))
			syscall(SYS_close, fd);
	return true;
}

/* The kernel's number for no limit, whatever the C library's is. */
AFI_IN_CHILD static uint64_t child_limit(uint64_t limit)
{
	return limit >= RLIM_INFINITY ? AFIO_NO_LIMIT : limit;
}

/* Before afi_child_take_rights(), which may drop the privileges for it. */
AFI_IN_CHILD static bool child_set_limits(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;

	if (options->umask)
		syscall(SYS_umask, *options->umask);
	for (size_t i = 0; i < options->n_limits; i++) {
		const struct af_limit *limit = &options->limits[i];
		uint64_t both[2] = { child_limit(limit->soft),
				     child_limit(limit->hard) };

		if (syscall(SYS_prlimit64, 0, limit->resource, both, NULL) < 0)
			return afi_child_failed(child, AFIO_STEP_LIMIT, NULL,
						limit->resource);
	}
	if (options->nice) {
		/* The system call returns 20 minus the nice value. */
		long now = 20 - syscall(SYS_getpriority, PRIO_PROCESS, 0);
		long nice = now + options->nice;

		/* Clamped while it is long: as an int it might wrap. */
		nice = nice > 19 ? 19 : nice < -20 ? -20 : nice;
		if (syscall(SYS_setpriority, PRIO_PROCESS, 0, nice) < 0)
			return afi_child_failed(child, AFIO_STEP_NICE, NULL,
						options->nice);
	}
	return true;
}

/* Calls a function of the program, which may not share our memory. */
AFI_IN_CHILD static bool child_call(struct afi_child *child, af_child_fn fn,
				    void *arg, enum af_spawn_step step)
{
	int r = fn ? fn(arg) : 0;

	if (r == 0)
		return true;
	errno = r < 0 ? -r : EINVAL;
	return afi_child_failed(child, step, NULL, AFI_NO_NUMBER);
}

AFI_IN_CHILD static bool child_before_identity(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;

	return child_call(child, options->before_identity,
			  options->before_identity_arg,
			  AFIO_STEP_BEFORE_IDENTITY);
}

AFI_IN_CHILD static bool child_before_exec(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;

	return child_call(child, options->before_exec, options->before_exec_arg,
			  AFIO_STEP_BEFORE_EXEC);
}

AFI_IN_CHILD static bool child_enter_cwd(struct afi_child *child)
{
	const char *cwd = child->plan->options->cwd;

	if (child->cwd_fd >= 0 && syscall(SYS_fchdir, child->cwd_fd) < 0)
		return afi_child_failed(child, AFIO_STEP_CHDIR, NULL,
					*child->plan->options->cwd_fd);
	return !cwd || syscall(SYS_chdir, cwd) == 0 ||
	       afi_child_failed(child, AFIO_STEP_CHDIR, cwd, AFI_NO_NUMBER);
}

/* Puts an open descriptor in the place of a standard one. */
AFI_IN_CHILD static long child_place(long fd, int number)
{
	if (fd == number)
		return syscall(SYS_fcntl, fd, F_SETFD, 0);
	return fd < 0 ? fd : syscall(SYS_dup3, fd, number, 0);
}

/* Opens a path of the child's; see path.c for one with no links. */
AFI_IN_CHILD static long child_open(const struct afi_child_stream *stream)
{
	int flags = stream->flags | O_LARGEFILE;
#ifdef SYS_openat2
	const uint64_t how[3] = { (uint64_t)(unsigned)flags,
				  flags & O_CREAT ? stream->mode : 0,
				  AFI_NO_SYMLINKS };

	if (stream->no_links)
		return syscall(SYS_openat2, AT_FDCWD, stream->path, how,
			       sizeof(how));
#endif
	if (stream->no_links) {
		errno = ENOSYS;
		return -1;
	}
	return syscall(SYS_openat, AT_FDCWD, stream->path, flags, stream->mode);
}

/* With the rights of the child's user, and in its working directory. */
AFI_IN_CHILD static bool child_open_streams(struct afi_child *child)
{
	const struct afi_child_stream *streams = child->plan->streams;

	for (int i = 0; i < 3; i++) {
		long fd;

		if (streams[i].is_stdout && child_place(1, i) < 0)
			return afi_child_failed(child, AFIO_STEP_FD, NULL, i);
		if (!streams[i].path)
			continue;
		fd = child_open(&streams[i]);
		if (child_place(fd, i) < 0)
			return afi_child_failed(child, AFIO_STEP_OPEN,
						streams[i].path, AFI_NO_NUMBER);
	}
	return true;
}

/* After afi_child_take_rights(), which clears it. */
AFI_IN_CHILD static bool child_die_with_parent(struct afi_child *child)
{
	long parent;

	if (!child->plan->options->die_with_parent)
		return true;
	if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return afi_child_failed(child, AFIO_STEP_DIE_WITH_PARENT, NULL,
					AFI_NO_NUMBER);
	/* It may have died before. 0: it is outside of our pid namespace. */
	parent = syscall(SYS_getppid);
	if (parent != child->parent && parent != 0)
		syscall(SYS_exit_group, 127);
	return true;
}

AFI_IN_CHILD static bool child_set_no_new_privs(struct afi_child *child)
{
	return !child->plan->options->no_new_privs ||
	       syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ||
	       afi_child_failed(child, AFIO_STEP_NO_NEW_PRIVS, NULL,
				AFI_NO_NUMBER);
}

/* As the kernel has it: where the handler is depends on the processor. */
struct kernel_sigaction {
#ifdef __mips__
	unsigned flags;
	uintptr_t handler;
#else
	uintptr_t handler;
	unsigned long flags;
#endif
	uint64_t rest[4];
};

/* Before any function of the program: its handlers are not for the child. */
AFI_IN_CHILD static bool child_reset_handlers(struct afi_child *child)
{
	static const struct kernel_sigaction child_default;
	static const struct kernel_sigaction child_ignore = { .handler = 1 };
	uint64_t ignored = child->plan->ignored;

	for (int signo = 1; signo <= AFI_KERNEL_SIGNALS; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			syscall(SYS_rt_sigaction, signo,
				ignored >> (signo - 1) & 1 ? &child_ignore
							   : &child_default,
				NULL, AFI_KERNEL_SIGSET_SIZE);
	return true;
}

AFI_IN_CHILD static bool child_unblock_signals(struct afi_child *child)
{
	static const uint64_t child_no_signals;

	return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &child_no_signals, NULL,
		       AFI_KERNEL_SIGSET_SIZE) == 0 ||
	       afi_child_failed(child, AFIO_STEP_SIGNALS, NULL, AFI_NO_NUMBER);
}

/*
 * The last steps before the exec. There the user may signal the child already,
 * so there is nothing here that could have been done before.
 */
AFI_IN_CHILD static bool child_commit(struct afi_child *child)
{
	if (child->committed)
		return true;
	child->committed =
		afi_child_become_user(child) && child_before_exec(child);
	return child->committed;
}

/* Of a descriptor; there is nothing to search. */
AFI_IN_CHILD static bool child_exec_fd(struct afi_child *child)
{
	if (!child_commit(child))
		return false;
	syscall(SYS_execveat, child->program_fd, "", child->plan->argv,
		child->plan->env, AT_EMPTY_PATH);
	return afi_child_failed(child, AFIO_STEP_EXEC, NULL,
				*child->plan->options->program_fd);
}

/*
 * Whether a file cannot be executed, by errno. Asks for as long as the user may
 * not signal the child, since looking for a file may take long.
 */
AFI_IN_CHILD static bool child_cannot_exec(const struct afi_child *child,
					   const char *path)
{
	/* Without that call, or where it is refused, execve(2) says so. */
	return child->plan->uid && !child->committed &&
	       syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) < 0 &&
	       errno != ENOSYS && errno != EPERM && errno != EINVAL;
}

/* Returns only if that fails, by errno; false: not at the exec. */
AFI_IN_CHILD static bool child_try(struct afi_child *child, char *path)
{
	const struct afi_child_plan *plan = child->plan;
	char *const *env = (char *const *)plan->env;

	if (child_cannot_exec(child, path))
		return true;
	if (!child_commit(child))
		return false;
	syscall(SYS_execve, path, plan->argv, env);
	if (errno == ENOEXEC && plan->sh_argv) {
		plan->sh_argv[1] = path;
		syscall(SYS_execve, "/bin/sh", plan->sh_argv, env);
	}
	return true;
}

/* As execvp(3): an error other than those listed ends the search. */
AFI_IN_CHILD static bool child_exec(struct afi_child *child)
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

/* It may have been cancelled, and what it was to get closed, before it began. */
AFI_IN_CHILD static bool child_is_wanted(const struct afi_child *child)
{
	const atomic_bool *unwanted = child->plan->unwanted;

	return !unwanted ||
	       !atomic_load_explicit(unwanted, memory_order_relaxed);
}

AFI_IN_CHILD int afi_child_main(void *arg)
{
	struct afi_child *child = arg;

	child->shared = 1;
	(void)(child_is_wanted(child) && child_reset_handlers(child) &&
	       child_join_session(child) && child_close_others(child) &&
	       child_place_fds(child) && child_set_limits(child) &&
	       child_before_identity(child) && afi_child_take_rights(child) &&
	       child_enter_cwd(child) && child_open_streams(child) &&
	       child_die_with_parent(child) && child_set_no_new_privs(child) &&
	       child_unblock_signals(child) && child_exec(child));
	syscall(SYS_write, child->error_fd, &child->failure,
		sizeof(child->failure));
	syscall(SYS_exit_group, 127);
	return 0;
}
