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
#include <unistd.h>

#include "process/child.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

/* Where the plain calls take ids of 16 bits. */
#ifdef SYS_setresuid32
#define SETRESUID SYS_setresuid32
#define SETRESGID SYS_setresgid32
#define SETGROUPS SYS_setgroups32
#else
#define SETRESUID SYS_setresuid
#define SETRESGID SYS_setresgid
#define SETGROUPS SYS_setgroups
#endif

/* The child shares our memory, and so the bookkeeping of a sanitizer. */
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

/* Records why a step failed, by errno. Steps return whether to go on. */
IN_CHILD static bool child_failed(struct afi_child *child,
				  enum af_spawn_step step, const char *name,
				  long number)
{
	child->failure.step = step;
	child->failure.name = name;
	child->failure.number = number;
	child->failure.error = errno;
	return false;
}

IN_CHILD static bool child_join_session(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;
	int tty = child->plan->tty;

	if (options->new_session || tty >= 0) {
		if (syscall(SYS_setsid) < 0)
			return child_failed(child, AFIO_STEP_SETSID, NULL,
					    AFI_NO_NUMBER);
	} else if (options->new_group || options->group > 0) {
		if (syscall(SYS_setpgid, 0, options->group) < 0)
			return child_failed(child, AFIO_STEP_SETPGID, NULL,
					    options->group);
	}
	if (tty >= 0 && syscall(SYS_ioctl, tty, TIOCSCTTY, 0) < 0)
		return child_failed(child, AFIO_STEP_TERMINAL, NULL,
				    AFI_NO_NUMBER);
	return true;
}

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* Without close_range(2): marks each descriptor listed in /proc. */
IN_CHILD static int child_mark_listed(int from)
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

/* Marks all from closefrom on, so that the exec closes them. */
IN_CHILD static bool child_close_others(struct afi_child *child)
{
	int from = child->plan->options->closefrom;

	from = from ? from : 3;
#ifdef HAVE_CLOSE_RANGE
	if (syscall(SYS_close_range, from, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return true;
#endif
	return child_mark_listed(from) == 0 ||
	       child_failed(child, AFIO_STEP_OPEN, "/proc/self/fd",
			    AFI_NO_NUMBER);
}

/* Whether another descriptor will get this number. */
IN_CHILD static bool child_is_target(const struct afi_child_plan *plan, int fd)
{
	for (size_t i = 0; i < plan->n_fds; i++)
		if (plan->fds[i].child_fd == fd && plan->fds[i].fd != fd)
			return true;
	return false;
}

/* Moves a descriptor to a number that no other will get. */
IN_CHILD static bool child_move_aside(struct afi_child *child, int *fd)
{
	int copy = 2;

	if (!child_is_target(child->plan, *fd))
		return true;
	do
		copy = (int)syscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, copy + 1);
	while (copy >= 0 && child_is_target(child->plan, copy));
	if (copy < 0)
		return child_failed(child, AFIO_STEP_FD, NULL, *fd);
	*fd = copy;
	return true;
}

IN_CHILD static bool child_place_fds(struct afi_child *child)
{
	const struct afi_child_plan *plan = child->plan;
	struct af_fd_map *map = plan->fds, *end = map + plan->n_fds;

	if (!child_move_aside(child, &child->error_fd))
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
			return child_failed(child, AFIO_STEP_FD, NULL,
					    map->child_fd);
	}
	return true;
}

/* The kernel's number for no limit, whatever the C library's is. */
IN_CHILD static uint64_t child_limit(uint64_t limit)
{
	return limit >= RLIM_INFINITY ? AFIO_NO_LIMIT : limit;
}

/* Before child_take_rights(), which may drop the privileges for it. */
IN_CHILD static bool child_set_limits(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;

	if (options->umask)
		syscall(SYS_umask, *options->umask);
	for (size_t i = 0; i < options->n_limits; i++) {
		const struct af_limit *limit = &options->limits[i];
		uint64_t both[2] = { child_limit(limit->soft),
				     child_limit(limit->hard) };

		if (syscall(SYS_prlimit64, 0, limit->resource, both, NULL) < 0)
			return child_failed(child, AFIO_STEP_LIMIT, NULL,
					    limit->resource);
	}
	if (options->nice) {
		/* The system call returns 20 minus the nice value. */
		long now = 20 - syscall(SYS_getpriority, PRIO_PROCESS, 0);
		long nice = now + options->nice;

		/* Clamped while it is long: as an int it might wrap. */
		nice = nice > 19 ? 19 : nice < -20 ? -20 : nice;
		if (syscall(SYS_setpriority, PRIO_PROCESS, 0, nice) < 0)
			return child_failed(child, AFIO_STEP_NICE, NULL,
					    options->nice);
	}
	return true;
}

/*
 * Takes over the rights of the user, but not all ids: while the real and the
 * saved user id are the parent's, the user may not send us signals. A child
 * that is stopped here would hold up its parent. The C library's calls would
 * change all threads of the parent, too.
 */
IN_CHILD static bool child_take_rights(struct afi_child *child)
{
	const struct af_spawn_options *options = child->plan->options;
	const uid_t *uid = options->uid;
	const gid_t *gid = options->gid;

	if (options->groups) {
		if (syscall(SETGROUPS, options->n_groups, options->groups) < 0)
			return child_failed(child, AFIO_STEP_SETGROUPS, NULL,
					    AFI_NO_NUMBER);
	} else if ((uid || gid) && syscall(SETGROUPS, 0, NULL) < 0 &&
		   errno != EPERM) {
		return child_failed(child, AFIO_STEP_SETGROUPS, NULL,
				    AFI_NO_NUMBER);
	}
	if (gid && syscall(SETRESGID, *gid, *gid, *gid) < 0)
		return child_failed(child, AFIO_STEP_SETGID, NULL, (long)*gid);
	if (uid && syscall(SETRESUID, -1, *uid, -1) < 0)
		return child_failed(child, AFIO_STEP_SETUID, NULL, (long)*uid);
	return true;
}

IN_CHILD static bool child_enter_cwd(struct afi_child *child)
{
	const char *cwd = child->plan->options->cwd;

	return !cwd || syscall(SYS_chdir, cwd) == 0 ||
	       child_failed(child, AFIO_STEP_CHDIR, cwd, AFI_NO_NUMBER);
}

/* After child_take_rights(), which clears it. */
IN_CHILD static bool child_die_with_parent(struct afi_child *child)
{
	long parent;

	if (!child->plan->options->die_with_parent)
		return true;
	if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return child_failed(child, AFIO_STEP_DIE_WITH_PARENT, NULL,
				    AFI_NO_NUMBER);
	/* It may have died before. 0: it is outside of our pid namespace. */
	parent = syscall(SYS_getppid);
	if (parent != child->parent && parent != 0)
		syscall(SYS_exit_group, 127);
	return true;
}

IN_CHILD static bool child_reset_signals(struct afi_child *child)
{
	static const uint64_t child_no_signals;
	/* A struct sigaction of zeros. */
	static const uint64_t child_default_action[8];

	for (int signo = 1; signo <= AFI_KERNEL_SIGNALS; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			syscall(SYS_rt_sigaction, signo, child_default_action,
				NULL, AFI_KERNEL_SIGSET_SIZE);
	return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &child_no_signals, NULL,
		       AFI_KERNEL_SIGSET_SIZE) == 0 ||
	       child_failed(child, AFIO_STEP_SIGNALS, NULL, AFI_NO_NUMBER);
}

/* Becomes the user in all respects: the last step before execve(2). */
IN_CHILD static bool child_become_user(struct afi_child *child)
{
	const uid_t *uid = child->plan->options->uid;

	if (!uid || child->is_user)
		return true;
	if (syscall(SETRESUID, *uid, *uid, *uid) < 0)
		return child_failed(child, AFIO_STEP_SETUID, NULL, (long)*uid);
	child->is_user = true;
	return true;
}

/*
 * Whether a file cannot be executed, by errno. Asks for as long as the user may
 * not send us signals, since looking for a file may take long.
 */
IN_CHILD static bool child_cannot_exec(const struct afi_child *child,
				       const char *path)
{
	/* Without that call, or where it is refused, execve(2) says so. */
	return child->plan->options->uid && !child->is_user &&
	       syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS) < 0 &&
	       errno != ENOSYS && errno != EPERM && errno != EINVAL;
}

/* Returns only if that fails, by errno; false: not at the exec. */
IN_CHILD static bool child_try(struct afi_child *child, char *path)
{
	const struct afi_child_plan *plan = child->plan;
	char *const *env = (char *const *)plan->env;

	if (child_cannot_exec(child, path))
		return true;
	if (!child_become_user(child))
		return false;
	syscall(SYS_execve, path, plan->argv, env);
	if (errno == ENOEXEC) {
		plan->sh_argv[1] = path;
		syscall(SYS_execve, "/bin/sh", plan->sh_argv, env);
	}
	return true;
}

/* As execvp(3): an error other than those listed ends the search. */
IN_CHILD static bool child_exec(struct afi_child *child)
{
	const struct afi_child_plan *plan = child->plan;
	int error = ENOENT, denied = 0;

	for (char **path = plan->paths; *path; path++) {
		if (!child_try(child, *path))
			return false;
		error = errno;
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
	return child_failed(child, AFIO_STEP_EXEC, plan->program,
			    AFI_NO_NUMBER);
}

/* It may have been cancelled, and what it was to get closed, before it began. */
IN_CHILD static bool child_is_wanted(const struct afi_child *child)
{
	const atomic_bool *unwanted = child->plan->unwanted;

	return !unwanted ||
	       !atomic_load_explicit(unwanted, memory_order_relaxed);
}

IN_CHILD int afi_child_main(void *arg)
{
	struct afi_child *child = arg;

	child->shared = 1;
	(void)(child_is_wanted(child) && child_join_session(child) &&
	       child_close_others(child) && child_place_fds(child) &&
	       child_set_limits(child) && child_take_rights(child) &&
	       child_enter_cwd(child) && child_die_with_parent(child) &&
	       child_reset_signals(child) && child_exec(child));
	syscall(SYS_write, child->error_fd, &child->failure,
		sizeof(child->failure));
	syscall(SYS_exit_group, 127);
	return 0;
}
