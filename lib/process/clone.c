/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The creation of a child: where its program may be, clone(2), and the error of
 * whatever failed in it. Knows no libevent. The child shares the parent's
 * memory until it executes, so that a large parent costs nothing; except one
 * that becomes another user, which has a copy.
 */
#include "config.h"

#include <errno.h>
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
#include "process/clone.h"
#include "process/exit.h"

#define STACK_SIZE 16384

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

/* One allocation, with the arguments for sh. */
int afi_clone_find_paths(struct afi_child_plan *plan)
{
	const char *program = plan->program;
	const char *search = getenv("PATH");
	size_t argc = 0, n_paths = 1, len, i;
	const char *end;
	char *text;

	while (plan->argv[argc])
		argc++;
	if (!search)
		search = "/bin:/usr/bin";
	if (strchr(program, '/'))
		search = "";
	len = strlen(program) + 1;
	for (i = 0; search[i]; i++)
		n_paths += search[i] == ':';
	plan->paths = malloc((n_paths + 1 + argc + 2) * sizeof(char *) + i +
			     n_paths * (len + 1));
	if (!plan->paths)
		return -ENOMEM;
	plan->sh_argv = plan->paths + n_paths + 1;
	text = (char *)(plan->sh_argv + argc + 2);
	for (i = 0; i < n_paths; i++, search = end + 1) {
		end = strchrnul(search, ':');
		plan->paths[i] = text;
		text = mempcpy(text, search, (size_t)(end - search));
		if (end > search)
			*text++ = '/';
		text = mempcpy(text, program, len);
	}
	plan->paths[*program ? n_paths : 0] = NULL;
	plan->sh_argv[0] = (char *)"sh";
	for (i = 1; i <= argc; i++)
		plan->sh_argv[i + 1] = (char *)plan->argv[i];
	return 0;
}

static void clone_set_mask(const uint64_t *mask, uint64_t *ret_before)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, ret_before,
		AFI_KERNEL_SIGSET_SIZE);
}

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
}

/*
 * Creates a process that runs afi_child_main() on a stack of its own, with a
 * pidfd from the start, as another part of the program may reap it at any time.
 * If no descriptor is left for a pidfd, the caller tries again later.
 */
static pid_t clone_start_by(struct clone *new, int *pidfd, int flags)
{
	_Alignas(max_align_t) char stack[STACK_SIZE];
	pid_t pid = -1;

	atomic_init(&new->alive, 1);
#ifdef HAVE_PIDFD
	pid = clone(afi_child_main, stack + STACK_SIZE,
		    flags | CLONE_PIDFD | SIGCHLD, &new->child, pidfd, NULL,
		    &new->alive);
#endif
	if (pid < 0)
		pid = clone(afi_child_main, stack + STACK_SIZE, flags | SIGCHLD,
			    &new->child, NULL, NULL, &new->alive);
	if (pid < 0)
		return -errno;
	*pidfd = afi_fd_above_stdio(*pidfd);
	if (flags & CLONE_CHILD_CLEARTID)
		clone_attend(new, pid, *pidfd);
	return pid;
}

/*
 * Creates a child that shares our memory or, where that is refused, has a copy
 * of it. A child that becomes another user always has a copy: the kernel makes
 * its memory undumpable, so that this user cannot look into it, and never undoes
 * that; and if that user stops it, no more than a read is held up.
 * ThreadSanitizer would take what a sharing child does for our doing.
 */
static pid_t clone_start(struct clone *new, int *pidfd)
{
	const struct af_spawn_options *options = new->child.plan->options;
	pid_t pid = -ENOSYS;

#if defined(HAVE_CLONE_VFORK) && !defined(UNDER_THREAD_SANITIZER)
	if (options->uid || options->gid)
		;
	else if (new->birth && !_vgnU_freeres)
		pid = clone_start_by(new, pidfd,
				     CLONE_VM | CLONE_CHILD_CLEARTID);
	else
		pid = clone_start_by(new, pidfd, CLONE_VM | CLONE_VFORK);
#else
	(void)options;
#endif
	if (pid > 0 || pid == -EAGAIN || pid == -ENOMEM)
		return pid;
	return clone_start_by(new, pidfd, 0);
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
	if (pid > 0 && *pidfd < 0)
		*pidfd = clone_open_pidfd(pid);
	clone_set_mask(&new->mask, NULL);
	return pid;
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

	if (pid < 0)
		return afi_fail(failure, AFIO_STEP_CLONE, NULL, -pid);
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
	struct clone new = {
		.child = { .plan = plan, .parent = getpid() },
		.birth = birth,
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
