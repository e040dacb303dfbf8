/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The creation of a child: clone(2), and the error of whatever failed in it.
 * Knows no libevent. The child shares the parent's memory until it executes, so
 * that a large parent costs nothing; or else it has a copy.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "process/cgroup.h"
#include "process/clone.h"
#include "process/exit.h"

#define STACK_SIZE 16384
/* For a child that may run functions of the program. */
#define LARGE_STACK_SIZE 65536

#ifndef SYS_futex
#define SYS_futex SYS_futex_time64
#endif

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

/* Valgrind knows vfork(2), but no other child that shares memory. */
extern const char _vgnU_freeres[] __attribute__((weak));

/* A child that is being created. */
struct clone {
	struct afi_child child;
	struct afi_birth *birth; /* NULL: see afi_clone() */
	uint64_t mask;		 /* of signals, to go back to */
	atomic_int alive;	 /* 0: a sharing child has left our memory */
};

static void clone_set_mask(const uint64_t *mask, uint64_t *ret_before)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, ret_before,
		AFI_KERNEL_SIGSET_SIZE);
}

/*
 * Creates a process that runs afi_child_main() on a stack of its own, with a
 * pidfd from the start, as another part of the program may reap it at any time.
 * If no descriptor is left for a pidfd, the caller tries again later.
 */
static pid_t clone_start_on(char *top, struct clone *new, int *pidfd, int flags)
{
	pid_t pid = -1;

#ifdef HAVE_PIDFD
	pid = clone(afi_child_main, top, flags | CLONE_PIDFD | SIGCHLD,
		    &new->child, pidfd, NULL, &new->alive);
#endif
	if (pid < 0)
		pid = clone(afi_child_main, top, flags | SIGCHLD, &new->child,
			    NULL, NULL, &new->alive);
	if (pid < 0)
		return -errno;
	if (*pidfd >= 0)
		*pidfd = afi_fd_above_stdio(*pidfd);
	return pid;
}

#if defined(HAVE_CLONE_VFORK) && !defined(UNDER_THREAD_SANITIZER)
/*
 * Waits until a child, which uses the stack of our caller, has left our memory.
 * As vfork(2) would, but so that a signal of the C library gets through. errno
 * is the child's, too: no call here may fail before the child is gone.
 */
static void clone_attend(struct clone *new, pid_t pid, int pidfd)
{
	clone_set_mask(&new->mask, NULL);
	new->birth->born(new->birth, pid, pidfd);
	while (atomic_load_explicit(&new->alive, memory_order_acquire))
		syscall(SYS_futex, &new->alive, FUTEX_WAIT, 1, NULL, NULL, 0);
	/* One that was killed before its first step has not said so. */
	new->child.shared = 1;
}

/* A child that shares our memory, and has left it when this returns. */
static pid_t clone_start_sharing(struct clone *new, int *pidfd)
{
	_Alignas(max_align_t) char stack[STACK_SIZE];
	bool attend = new->birth && !_vgnU_freeres;
	int flags = CLONE_VM | (attend ? CLONE_CHILD_CLEARTID : CLONE_VFORK);
	pid_t pid = clone_start_on(stack + STACK_SIZE, new, pidfd, flags);

	if (pid > 0 && attend)
		clone_attend(new, pid, *pidfd);
	return pid;
}
#endif

static pid_t clone_start_copy(struct clone *new, int *pidfd)
{
	_Alignas(max_align_t) char stack[LARGE_STACK_SIZE];

	return clone_start_on(stack + LARGE_STACK_SIZE, new, pidfd, 0);
}

/*
 * Whether a child needs a copy of our memory: one that runs functions of the
 * program; and one that becomes another user. The kernel makes the memory of
 * that undumpable, so that this user cannot look into it, and never undoes that;
 * and if that user stops it, no more than a read is held up.
 */
static bool clone_needs_copy(const struct afi_child_plan *plan)
{
	return plan->uid || plan->gid || afi_child_runs_ours(plan->options);
}

/*
 * Creates a child that shares our memory or, where that is refused or will not
 * do, has a copy of it. ThreadSanitizer would take what a sharing child does for
 * our doing.
 */
static pid_t clone_start(struct clone *new, int *pidfd)
{
	const struct afi_child_plan *plan = new->child.plan;
	pid_t pid = -ENOSYS;

	if (plan->options->cgroup_fd)
		return afi_cgroup_clone(&new->child, pidfd);
	if (clone_needs_copy(plan))
		return clone_start_copy(new, pidfd);
#if defined(HAVE_CLONE_VFORK) && !defined(UNDER_THREAD_SANITIZER)
	pid = clone_start_sharing(new, pidfd);
#endif
	if (pid > 0 || pid == -EAGAIN || pid == -ENOMEM)
		return pid;
	return clone_start_copy(new, pidfd);
}

static int clone_open_pidfd(pid_t pid)
{
#ifdef HAVE_PIDFD
	return afi_fd_above_stdio((int)syscall(SYS_pidfd_open, pid, 0));
#else
	(void)pid;
	return -1;
#endif
}

/*
 * clone_start() with all signals blocked: a handler that ran in the child would
 * change our memory. The C library's own signals are blocked only by the system
 * call. A pidfd is opened at once where clone(2) gave none.
 */
static pid_t clone_start_blocked(struct clone *new, int *pidfd)
{
	static const uint64_t clone_all_signals = ~UINT64_C(0);
	pid_t pid;

	clone_set_mask(&clone_all_signals, &new->mask);
	pid = clone_start(new, pidfd);
	if (*pidfd >= 0)
		*pidfd = afi_fd_above_stdio(*pidfd);
	if (pid > 0 && *pidfd < 0)
		*pidfd = clone_open_pidfd(pid);
	clone_set_mask(&new->mask, NULL);
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
static int clone_outcome(struct clone *new, pid_t pid, int pidfd, int error_fd)
{
	struct afi_child *child = &new->child;
	ssize_t n = 0;

	/* A child that shares our memory has executed or failed by now. */
	if (child->shared)
		return child->failure.error;
	if (new->birth)
		new->birth->born(new->birth, pid, pidfd);
	do
		n = read(error_fd, &child->failure, sizeof(child->failure));
	while (n < 0 && errno == EINTR);
	return child->failure.error;
}

/* After clone_start_blocked() returned pid. Returns as afi_clone(). */
static pid_t clone_finish(struct clone *new, pid_t pid, int pidfd, int error_fd,
			  struct afi_failure *failure)
{
	struct afi_exit failed;
	int error;

	if (pid < 0) {
		clone_failed(new->child.plan, failure, -pid);
		return pid;
	}
	error = clone_outcome(new, pid, pidfd, error_fd);
	if (new->birth)
		new->birth->born(new->birth, 0, -1);
	if (!error)
		return pid;
	afi_exit_init(&failed, pid, pidfd);
	afi_exit_await(&failed);
	*failure = new->child.failure;
	return -error;
}

pid_t afi_clone(const struct afi_child_plan *plan, struct afi_birth *birth,
		int *ret_pidfd, struct afi_failure *failure)
{
	const struct af_spawn_options *options = plan->options;
	struct clone new = {
		.child = {
			.plan = plan,
			.cwd_fd = options->cwd_fd ? *options->cwd_fd : -1,
			.program_fd = options->program_fd ? *options->program_fd
							  : -1,
			.parent = getpid(),
		},
		.birth = birth,
		.alive = 1,
	};
	int error_pipe[2], pidfd = -1, r;
	pid_t pid;

	r = afi_pipe_open(error_pipe);
	if (r < 0)
		return afi_fail(failure, AFIO_STEP_PIPE, NULL, -r);
	new.child.error_fd = error_pipe[1];
	pid = clone_start_blocked(&new, &pidfd);
	close(error_pipe[1]);
	/* Closing the pipe may have made room for it. */
	if (pid > 0 && pidfd < 0)
		pidfd = clone_open_pidfd(pid);
	pid = clone_finish(&new, pid, pidfd, error_pipe[0], failure);
	close(error_pipe[0]);
	if (pid > 0)
		*ret_pidfd = pidfd < 0 ? -1 : pidfd;
	else if (pidfd >= 0)
		close(pidfd);
	return pid;
}
