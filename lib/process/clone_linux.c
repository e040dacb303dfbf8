/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The creation of a child: clone(2), and the error of whatever failed in it.
 * Knows no libevent. The child shares the parent's memory until it executes, so
 * that a large parent costs nothing.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "process/cgroup.h"
#include "process/clone.h"
#include "process/exit.h"
#include "process/search.h"

#define STACK_SIZE 16384
/* For a child that runs functions of the program. */
#define LARGE_STACK_SIZE 65536

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

#if defined(__SANITIZE_THREAD__)
#define UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#endif
#endif

/*
 * Creates a process that runs afi_child_main() on a stack of its own, with a
 * pidfd from the start, as another part of the program may reap it at any time.
 * If no descriptor is left for a pidfd, the caller tries again later.
 */
static pid_t clone_start_on(char *top, struct afi_child *child, int *pidfd,
			    int flags)
{
	pid_t pid = -1;

#ifdef HAVE_PIDFD
	pid = clone(afi_child_main, top, flags | CLONE_PIDFD | SIGCHLD, child,
		    pidfd);
#else
	(void)pidfd;
#endif
	if (pid < 0)
		pid = clone(afi_child_main, top, flags | SIGCHLD, child);
	return pid < 0 ? -errno : pid;
}

static pid_t clone_start_by(struct afi_child *child, int *pidfd, int flags)
{
	_Alignas(max_align_t) char stack[STACK_SIZE];

	return clone_start_on(stack + STACK_SIZE, child, pidfd, flags);
}

/* A child that runs functions of the program has a copy of our memory. */
static pid_t clone_start_copy(struct afi_child *child, int *pidfd)
{
	_Alignas(max_align_t) char stack[LARGE_STACK_SIZE];

	return clone_start_on(stack + LARGE_STACK_SIZE, child, pidfd, 0);
}

/*
 * Creates a child that shares our memory or, where that is refused, has a copy
 * of it. ThreadSanitizer would take what a sharing child does for our doing.
 */
static pid_t clone_start(struct afi_child *child, int *pidfd)
{
	const struct af_spawn_options *options = child->plan->options;
	pid_t pid = -ENOSYS;

	if (options->cgroup_fd)
		return afi_cgroup_clone(child, pidfd);
	if (afi_child_runs_ours(options))
		return clone_start_copy(child, pidfd);
#if defined(HAVE_CLONE_VFORK) && !defined(UNDER_THREAD_SANITIZER)
	pid = clone_start_by(child, pidfd, CLONE_VM | CLONE_VFORK);
#endif
	if (pid > 0 || pid == -EAGAIN || pid == -ENOMEM)
		return pid;
	return clone_start_by(child, pidfd, 0);
}

static int clone_open_pidfd(pid_t pid)
{
#ifdef HAVE_PIDFD
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	return -1;
#endif
}

/* clone_start(), with a pidfd opened at once where clone(2) gave none. */
static pid_t clone_start_watched(struct afi_child *child, int *pidfd)
{
	pid_t pid = clone_start(child, pidfd);

	if (pid > 0 && *pidfd < 0)
		*pidfd = clone_open_pidfd(pid);
	return pid;
}

/*
 * clone_start_watched() with all signals blocked: a handler that ran in the
 * child would change our memory. The C library's own signals are blocked only
 * by the system call.
 */
static pid_t clone_start_blocked(struct afi_child *child, int *pidfd)
{
	static const uint64_t clone_all_signals = ~UINT64_C(0);
	uint64_t before;
	pid_t pid;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &clone_all_signals, &before,
		AFI_KERNEL_SIGSET_SIZE);
	pid = clone_start_watched(child, pidfd);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL,
		AFI_KERNEL_SIGSET_SIZE);
	return pid;
}

/*
 * clone_start_blocked() for a child that becomes another user. The kernel then
 * makes the memory that it shares with us undumpable, so that this user cannot
 * look into it, and does not undo that. We do, once the child has left the
 * memory; one such child at a time, as another one may still be in it.
 */
static pid_t clone_start_as_user(struct afi_child *child, int *pidfd)
{
	static pthread_mutex_t clone_as_user_lock = PTHREAD_MUTEX_INITIALIZER;
	int before;
	pid_t pid;

	pthread_mutex_lock(&clone_as_user_lock);
	before = prctl(PR_GET_DUMPABLE);
	pid = clone_start_blocked(child, pidfd);
	if (before == 1 && prctl(PR_GET_DUMPABLE) != before)
		prctl(PR_SET_DUMPABLE, before);
	pthread_mutex_unlock(&clone_as_user_lock);
	return pid;
}

/* The child could not be created. */
static void clone_failed(const struct afi_child_plan *plan,
			 struct afi_failure *failure, int error)
{
	const int *cgroup = plan->options->cgroup_fd;

	if (cgroup && error != EAGAIN && error != ENOMEM)
		afi_fail_number(failure, AFIO_STEP_CGROUP, *cgroup, error);
	else
		afi_fail(failure, AFIO_STEP_CLONE, NULL, error);
}

/* Waits until the child has executed or failed; 0, or its errno. */
static int clone_outcome(struct afi_child *child, int error_fd)
{
	ssize_t n = 0;

	/* A child that shares our memory has executed or failed by now. */
	if (!child->shared)
		do
			n = read(error_fd, &child->failure,
				 sizeof(child->failure));
		while (n < 0 && errno == EINTR);
	return child->failure.error;
}

pid_t afi_clone(const struct afi_child_plan *plan, int *ret_pidfd,
		struct afi_failure *failure)
{
	const struct af_spawn_options *options = plan->options;
	struct afi_child child = {
		.plan = plan,
		.cwd_fd = options->cwd_fd ? *options->cwd_fd : -1,
		.program_fd = options->program_fd ? *options->program_fd : -1,
		.parent = getpid(),
	};
	int error_pipe[2], pidfd = -1, error = 0;
	struct afi_exit failed;
	pid_t pid = afi_search_paths(&child);

	if (pid == -ENOMEM)
		return afi_fail(failure, AFIO_STEP_MEMORY, NULL, ENOMEM);
	if (pid < 0)
		return afi_fail(failure, AFIO_STEP_EXEC, plan->program, -pid);
	pid = afi_pipe_open(error_pipe);
	if (pid < 0) {
		pid = afi_fail(failure, AFIO_STEP_PIPE, NULL, -pid);
		goto out;
	}
	child.error_fd = error_pipe[1];
	if (plan->uid || plan->gid)
		pid = clone_start_as_user(&child, &pidfd);
	else
		pid = clone_start_blocked(&child, &pidfd);
	close(error_pipe[1]);
	/* Closing the pipe may have made room for it. */
	if (pid > 0 && pidfd < 0)
		pidfd = clone_open_pidfd(pid);
	if (pid < 0)
		clone_failed(plan, failure, -pid);
	else
		error = clone_outcome(&child, error_pipe[0]);
	close(error_pipe[0]);
	if (error) {
		afi_exit_init(&failed, pid, pidfd);
		afi_exit_await(&failed);
		*failure = child.failure;
		pid = -error;
	}
	if (pid < 0 && pidfd >= 0)
		close(pidfd);
	if (pid > 0)
		*ret_pidfd = pidfd >= 0 ? afi_fd_above_stdio(pidfd) : -1;
out:
	free(child.paths);
	return pid;
}
