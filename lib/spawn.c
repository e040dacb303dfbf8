/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child: arguments, descriptors, attributes, and the error of exec. Knows
 * no libevent. The child shares the parent's memory until it executes, so that
 * a large parent costs nothing: there, system calls only, made directly.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "spawn.h"

#define STACK_SIZE 16384

/* As the kernel has them: 64 signals, all bits of a signal set. */
#define KERNEL_SIGNALS 64
#define KERNEL_SIGSET_SIZE (KERNEL_SIGNALS / 8)

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
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

/* All that the child needs, made before it exists. */
struct plan {
	const struct afi_spawn *spawn;
	char **paths;	/* the program, wherever it may be; NULL-ended */
	char **sh_argv; /* for a script without "#!" */
	int error_fd;
	volatile int shared; /* set by a child that shares our memory */
	volatile int error;
	void *memory; /* holds paths and sh_argv */
};

/* A sanitizer's bookkeeping must not see the child: its memory is ours. */
#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

IN_CHILD static int child_signals(void)
{
	static const uint64_t unblocked;
	static const uint64_t by_default[8]; /* a struct sigaction of zeros */

	for (int signo = 1; signo <= KERNEL_SIGNALS; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			syscall(SYS_rt_sigaction, signo, by_default, NULL,
				KERNEL_SIGSET_SIZE);
	return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &unblocked, NULL,
			    KERNEL_SIGSET_SIZE);
}

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* Without close_range(2): each descriptor that /proc knows. */
IN_CHILD static int close_listed(void)
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
			if (fd > 2)
				syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
		}
	}
	return n < 0 ? -1 : 0;
}

/* No descriptor but 0, 1 and 2 outlives the exec. */
IN_CHILD static int child_close_others(void)
{
#ifdef HAVE_CLOSE_RANGE
	if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
#endif
	return close_listed();
}

IN_CHILD static int child_fds(const int wanted[3])
{
	int fds[3] = { wanted[0], wanted[1], wanted[2] };
	int i;

	/* One that another one's number is about to replace. */
	for (i = 0; i < 3; i++) {
		if (fds[i] < 0 || fds[i] > 2 || fds[i] == i)
			continue;
		fds[i] = (int)syscall(SYS_fcntl, fds[i], F_DUPFD_CLOEXEC, 3);
		if (fds[i] < 0)
			return -1;
	}
	for (i = 0; i < 3; i++) {
		if (fds[i] == i && syscall(SYS_fcntl, i, F_SETFD, 0) < 0)
			return -1;
		if (fds[i] >= 0 && fds[i] != i &&
		    syscall(SYS_dup3, fds[i], i, 0) < 0)
			return -1;
	}
	return 0;
}

/* As execvp(3), which says which errors end the search. */
IN_CHILD static void child_exec(const struct plan *plan)
{
	char *const *env = (char *const *)plan->spawn->env;
	int error = ENOENT, denied = 0;

	for (char **path = plan->paths; *path; path++) {
		syscall(SYS_execve, *path, plan->spawn->argv, env);
		error = errno;
		if (error == ENOEXEC) {
			plan->sh_argv[1] = *path;
			syscall(SYS_execve, "/bin/sh", plan->sh_argv, env);
			error = errno;
		}
		if (error == EACCES)
			denied = EACCES;
		else if (error != ENOENT && error != ENOTDIR &&
			 error != ESTALE && error != ENODEV &&
			 error != ETIMEDOUT)
			return;
	}
	errno = denied ? denied : error;
}

IN_CHILD static int child_main(void *arg)
{
	struct plan *plan = arg;
	const struct afi_spawn *spawn = plan->spawn;
	int error;

	plan->shared = 1;
	if (child_fds(spawn->fds) == 0 && child_close_others() == 0 &&
	    (!spawn->cwd || syscall(SYS_chdir, spawn->cwd) == 0) &&
	    child_signals() == 0)
		child_exec(plan);
	error = errno;
	plan->error = error;
	syscall(SYS_write, plan->error_fd, &error, sizeof(error));
	syscall(SYS_exit_group, 127);
	return 0;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

/* Where the program may be, in one allocation with the arguments for sh. */
static int plan_paths(struct plan *plan)
{
	const char *file = plan->spawn->file;
	const char *search = getenv("PATH");
	size_t argc = count(plan->spawn->argv), n_paths = 1, file_len, i;
	const char *end;
	char *text;

	if (!search)
		search = "/bin:/usr/bin";
	if (strchr(file, '/'))
		search = "";
	file_len = strlen(file) + 1;
	for (i = 0; search[i]; i++)
		n_paths += search[i] == ':';
	plan->memory = malloc((n_paths + 1 + argc + 2) * sizeof(char *) + i +
			      n_paths * (file_len + 1));
	if (!plan->memory)
		return -ENOMEM;
	plan->paths = plan->memory;
	plan->sh_argv = plan->paths + n_paths + 1;
	text = (char *)(plan->sh_argv + argc + 2);
	for (i = 0; i < n_paths; i++, search = end + 1) {
		end = strchrnul(search, ':');
		plan->paths[i] = text;
		text = mempcpy(text, search, (size_t)(end - search));
		if (end > search)
			*text++ = '/';
		text = mempcpy(text, file, file_len);
	}
	plan->paths[*file ? n_paths : 0] = NULL;
	plan->sh_argv[0] = (char *)"sh";
	for (i = 1; i <= argc; i++)
		plan->sh_argv[i + 1] = (char *)plan->spawn->argv[i];
	return 0;
}

/*
 * A child that shares our memory, on a stack of its own; its pid, or -errno.
 * ThreadSanitizer takes what it does for our doing.
 */
static pid_t start_sharing(struct plan *plan, int *pidfd)
{
#if defined(HAVE_CLONE_VFORK) && !defined(UNDER_THREAD_SANITIZER)
	_Alignas(max_align_t) char stack[STACK_SIZE];
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
	pid_t pid = -1;

#ifdef HAVE_PIDFD
	pid = clone(child_main, stack + STACK_SIZE, flags | CLONE_PIDFD, plan,
		    pidfd);
#endif
	if (pid < 0)
		pid = clone(child_main, stack + STACK_SIZE, flags, plan);
	return pid < 0 ? -errno : pid;
#else
	(void)plan;
	(void)pidfd;
	return -ENOSYS;
#endif
}

/* Runs child_main() in a new process; its pid, or -errno. */
static pid_t start(struct plan *plan, int *pidfd)
{
	pid_t pid = start_sharing(plan, pidfd);

	if (pid > 0 || pid == -EAGAIN || pid == -ENOMEM)
		return pid;
	pid = fork();
	if (pid == 0)
		child_main(plan);
	return pid < 0 ? -errno : pid;
}

/* Waits until the child has executed or failed: 0 or the error. */
static int outcome(const struct plan *plan, int error_fd)
{
	int error = 0;
	ssize_t n;

	/* It shared our memory: then it is past that already. */
	if (plan->shared)
		return plan->error;
	do
		n = read(error_fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n > 0 ? error : 0;
}

pid_t afi_spawn(const struct afi_spawn *spawn, int *ret_pidfd)
{
	static const uint64_t all = ~UINT64_C(0);
	struct plan plan = { .spawn = spawn };
	uint64_t before;
	int error_pipe[2], pidfd = -1, error;
	pid_t pid;

	pid = plan_paths(&plan);
	if (pid < 0)
		return pid;
	pid = afi_pipe_open(error_pipe);
	if (pid < 0)
		goto out;
	plan.error_fd = error_pipe[1];
	/*
	 * A handler must not run in the child, where it would find our memory;
	 * not even the C library's own, hence the system call.
	 */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before,
		KERNEL_SIGSET_SIZE);
	pid = start(&plan, &pidfd);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL,
		KERNEL_SIGSET_SIZE);
	close(error_pipe[1]);
	error = pid > 0 ? outcome(&plan, error_pipe[0]) : 0;
	close(error_pipe[0]);
	if (error) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		pid = -error;
	}
#ifdef HAVE_PIDFD
	if (pid > 0 && pidfd < 0)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
#endif
	if (pid < 0 && pidfd >= 0) {
		close(pidfd);
		pidfd = -1;
	}
	if (pid > 0)
		*ret_pidfd = pidfd >= 0 ? afi_fd_above_stdio(pidfd) : -1;
out:
	free(plan.memory);
	return pid;
}
