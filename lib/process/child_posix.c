/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child by fork(2), up to its program: session, attributes, exec, and the
 * order of all steps. It has a copy of our memory. Other threads of the parent
 * may have held locks at the fork: so it calls only what may be called in a signal
 * handler, and opendir(3).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/childfds.h"
#include "process/identity.h"

/* One more than the highest signal. */
#ifndef NSIG
#define NSIG 65
#endif

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
static void child_exec_fd(struct afi_child *child)
{
	if (!child_commit(child))
		return;
	child_fexecve(child->program_fd, (char *const *)child->plan->argv,
		      (char *const *)child->plan->env);
	afi_child_failed(child, AFIO_STEP_EXEC, NULL,
			 *child->plan->options->program_fd);
}

/*
 * Whether the system cannot ask, after it has failed to. A sandbox may answer
 * EACCES, as is answered for a file, but not for the root directory.
 */
static bool child_cannot_ask(void)
{
	int error = errno;
	bool refused = error == ENOSYS || error == EPERM || error == EINVAL ||
		       (error == EACCES &&
			faccessat(AT_FDCWD, "/", F_OK, AT_EACCESS) < 0);

	errno = error;
	return refused;
}

/*
 * Whether a file cannot be executed, by errno. Asks for as long as the user may
 * not signal the child, since looking for a file may take long.
 */
static bool child_cannot_exec(const struct afi_child *child, const char *path)
{
	/* Where it cannot be asked, execve(2) says so. */
	return child->plan->uid && !child->committed &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 &&
	       !child_cannot_ask();
}

/* Returns only if that fails, by errno; false: not at the exec. */
static bool child_try(struct afi_child *child, char *path)
{
	const struct afi_child_plan *plan = child->plan;
	char *const *env = (char *const *)plan->env;

	if (child_cannot_exec(child, path))
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

/* As execvp(3): that a file was denied counts more than that others are not. */
static void child_exec(struct afi_child *child)
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

/* A part of it would say nothing. */
static void child_tell_failure(const struct afi_child *child)
{
	const char *failure = (const char *)&child->failure;
	size_t told = 0;
	ssize_t n;

	while (told < sizeof(child->failure)) {
		n = write(child->error_fd, failure + told,
			  sizeof(child->failure) - told);
		if (n >= 0)
			told += (size_t)n;
		else if (errno != EINTR)
			break;
	}
}

int afi_child_main(void *arg)
{
	struct afi_child *child = arg;

	if (child_reset_handlers(child) && child_join_session(child) &&
	    afi_child_close_others(child) && afi_child_place_fds(child) &&
	    child_set_limits(child) && child_before_identity(child) &&
	    afi_child_take_rights(child) && child_enter_cwd(child) &&
	    afi_child_open_streams(child) && child_check_rest(child) &&
	    child_unblock_signals(child))
		child_exec(child);
	child_tell_failure(child);
	_exit(127);
}
