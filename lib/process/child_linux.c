/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child, up to its program: session, attributes, exec, and the order of all
 * steps. It may share memory with the parent, whose other threads run. So it
 * makes system calls directly, and uses no memory except that of struct
 * afi_child.
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
#include "process/childfds.h"
#include "process/identity.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

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
AFI_IN_CHILD static void child_exec_fd(struct afi_child *child)
{
	if (!child_commit(child))
		return;
	syscall(SYS_execveat, child->program_fd, "", child->plan->argv,
		child->plan->env, AT_EMPTY_PATH);
	afi_child_failed(child, AFIO_STEP_EXEC, NULL,
			 *child->plan->options->program_fd);
}

/*
 * Whether faccessat2(2) as such is refused, after it has failed. A sandbox may
 * answer EACCES, as the call does for a file, but not for the root directory.
 */
AFI_IN_CHILD static bool child_cannot_ask(void)
{
	int error = errno;
	bool refused = error == ENOSYS || error == EPERM || error == EINVAL ||
		       (error == EACCES && syscall(SYS_faccessat2, AT_FDCWD,
						   "/", F_OK, AT_EACCESS) < 0);

	errno = error;
	return refused;
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
	       !child_cannot_ask();
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

/* As execvp(3): that a file was denied counts more than that others are not. */
AFI_IN_CHILD static void child_exec(struct afi_child *child)
{
	const struct afi_child_plan *plan = child->plan;
	int error = ENOENT, denied = 0;

	if (child->program_fd >= 0) {
		child_exec_fd(child);
		return;
	}
	for (char **path = plan->paths; *path; path++) {
		if (!child_try(child, *path))
			return;
		error = errno;
		if (error == EACCES) {
			denied = EACCES;
		} else if (!afi_child_may_be_elsewhere(error)) {
			denied = 0;
			break;
		}
	}
	errno = denied ? denied : error;
	afi_child_failed(child, AFIO_STEP_EXEC, plan->program, AFI_NO_NUMBER);
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
	if (child_is_wanted(child) && child_reset_handlers(child) &&
	    child_join_session(child) && afi_child_close_others(child) &&
	    afi_child_place_fds(child) && child_set_limits(child) &&
	    child_before_identity(child) && afi_child_take_rights(child) &&
	    child_enter_cwd(child) && afi_child_open_streams(child) &&
	    child_die_with_parent(child) && child_set_no_new_privs(child) &&
	    child_unblock_signals(child))
		child_exec(child);
	syscall(SYS_write, child->error_fd, &child->failure,
		sizeof(child->failure));
	syscall(SYS_exit_group, 127);
	return 0;
}
