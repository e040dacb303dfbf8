/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting a child: where its program may be, its creation, and the error of
 * whatever failed in it. Knows no libevent. The child shares the parent's
 * memory until it executes, so that a large parent costs nothing.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/child.h"
#include "process/exit.h"

#define STACK_SIZE 16384

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

/* Where the program may be, in one allocation with the arguments for sh. */
static int find_paths(struct afi_child *child)
{
	const char *file = child->spawn->file;
	const char *search = getenv("PATH");
	size_t argc = 0, n_paths = 1, file_len, i;
	const char *end;
	char *text;

	while (child->spawn->argv[argc])
		argc++;
	if (!search)
		search = "/bin:/usr/bin";
	if (strchr(file, '/'))
		search = "";
	file_len = strlen(file) + 1;
	for (i = 0; search[i]; i++)
		n_paths += search[i] == ':';
	child->paths = malloc((n_paths + 1 + argc + 2) * sizeof(char *) + i +
			      n_paths * (file_len + 1));
	if (!child->paths)
		return -ENOMEM;
	child->sh_argv = child->paths + n_paths + 1;
	text = (char *)(child->sh_argv + argc + 2);
	for (i = 0; i < n_paths; i++, search = end + 1) {
		end = strchrnul(search, ':');
		child->paths[i] = text;
		text = mempcpy(text, search, (size_t)(end - search));
		if (end > search)
			*text++ = '/';
		text = mempcpy(text, file, file_len);
	}
	child->paths[*file ? n_paths : 0] = NULL;
	child->sh_argv[0] = (char *)"sh";
	for (i = 1; i <= argc; i++)
		child->sh_argv[i + 1] = (char *)child->spawn->argv[i];
	return 0;
}

/*
 * A new process that runs afi_child_main(), on a stack of its own. With a pidfd
 * from the start: others may reap whom they do not know. Without a descriptor
 * left for that there may be one later.
 */
static pid_t start_by(struct afi_child *child, int *pidfd, int flags)
{
	_Alignas(max_align_t) char stack[STACK_SIZE];
	pid_t pid = -1;

#ifdef HAVE_PIDFD
	pid = clone(afi_child_main, stack + STACK_SIZE,
		    flags | CLONE_PIDFD | SIGCHLD, child, pidfd);
#else
	(void)pidfd;
#endif
	if (pid < 0)
		pid = clone(afi_child_main, stack + STACK_SIZE, flags | SIGCHLD,
			    child);
	return pid < 0 ? -errno : pid;
}

/*
 * The same: it shares our memory, or else has a copy of it. ThreadSanitizer
 * takes what one that shares it does for our doing. The pid, or -errno.
 */
static pid_t start(struct afi_child *child, int *pidfd)
{
	pid_t pid = -ENOSYS;

#if defined(HAVE_CLONE_VFORK) && !defined(UNDER_THREAD_SANITIZER)
	pid = start_by(child, pidfd, CLONE_VM | CLONE_VFORK);
#endif
	if (pid > 0 || pid == -EAGAIN || pid == -ENOMEM)
		return pid;
	return start_by(child, pidfd, 0);
}

static int open_pidfd(pid_t pid)
{
#ifdef HAVE_PIDFD
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	return -1;
#endif
}

/*
 * The same, with a pidfd where there are any: as soon as can be, for others may
 * reap whom they do not know.
 */
static pid_t start_watched(struct afi_child *child, int *pidfd)
{
	pid_t pid = start(child, pidfd);

	if (pid > 0 && *pidfd < 0)
		*pidfd = open_pidfd(pid);
	return pid;
}

/*
 * The same, in peace. A handler must not run in the child, where it would find
 * our memory; not even the C library's own, hence the system call.
 */
static pid_t start_blocked(struct afi_child *child, int *pidfd)
{
	static const uint64_t all = ~UINT64_C(0);
	uint64_t before;
	pid_t pid;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before,
		AFI_KERNEL_SIGSET_SIZE);
	pid = start_watched(child, pidfd);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL,
		AFI_KERNEL_SIGSET_SIZE);
	return pid;
}

/*
 * The same for a child that becomes another user. When it does, the kernel
 * makes the memory it shares with us undumpable, lest that user looks into it:
 * for good, so we have to take it back when the child has left it, and not
 * while another such child is in it.
 */
static pid_t start_as_user(struct afi_child *child, int *pidfd)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	int before;
	pid_t pid;

	pthread_mutex_lock(&one_at_a_time);
	before = prctl(PR_GET_DUMPABLE);
	pid = start_blocked(child, pidfd);
	if (before == 1 && prctl(PR_GET_DUMPABLE) != before)
		prctl(PR_SET_DUMPABLE, before);
	pthread_mutex_unlock(&one_at_a_time);
	return pid;
}

/* Waits until the child has executed or failed: 0, or the error. */
static int outcome(struct afi_child *child, int error_fd)
{
	ssize_t n = 0;

	/* It shared our memory: then it is past that already. */
	if (!child->shared)
		do
			n = read(error_fd, &child->failure,
				 sizeof(child->failure));
		while (n < 0 && errno == EINTR);
	return child->failure.error;
}

pid_t afi_spawn(const struct afi_spawn *spawn, int *ret_pidfd,
		struct afi_failure *failure)
{
	const struct af_spawn_options *options = spawn->options;
	struct afi_child child = { .spawn = spawn, .parent = getpid() };
	int error_pipe[2], pidfd = -1, error = 0;
	struct afi_exit failed;
	pid_t pid;

	if (find_paths(&child) < 0)
		return afi_fail(failure, "memory", NULL, ENOMEM);
	pid = afi_pipe_open(error_pipe);
	if (pid < 0) {
		pid = afi_fail(failure, "pipe", NULL, -pid);
		goto out;
	}
	child.error_fd = error_pipe[1];
	if (options->uid || options->gid)
		pid = start_as_user(&child, &pidfd);
	else
		pid = start_blocked(&child, &pidfd);
	close(error_pipe[1]);
	/* There may have been no descriptor for it before. */
	if (pid > 0 && pidfd < 0)
		pidfd = open_pidfd(pid);
	if (pid < 0)
		afi_fail(failure, "clone", NULL, -pid);
	else
		error = outcome(&child, error_pipe[0]);
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
