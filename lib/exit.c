/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching one child end, without SIGCHLD and without looking at other
 * children. Knows no loop.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit.h"
#include "fd.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

void afi_exit_init(struct afi_exit *e, pid_t pid, int pidfd)
{
	e->pid = pid;
	e->pidfd = pidfd;
	e->eventfd = -1;
}

/* waitid(2) for this child; a pid might by now be that of another one. */
static int wait_child(const struct afi_exit *e, siginfo_t *info, int options)
{
	int r = -1;

	info->si_pid = 0;
	errno = EINVAL;
	if (e->pidfd >= 0)
		r = waitid((idtype_t)P_PIDFD, (id_t)e->pidfd, info, options);
	if (r < 0 && errno == EINVAL) /* Linux before 5.4 */
		r = waitid(P_PID, (id_t)e->pid, info, options);
	return r;
}

static void *wait_for_end(void *arg)
{
	const struct afi_exit *e = arg;
	const uint64_t one = 1;
	siginfo_t info;

	while (wait_child(e, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	while (write(e->eventfd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

static int start_thread(struct afi_exit *e)
{
	sigset_t all, before;
	int fd, r;

	fd = afi_fd_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (fd < 0)
		return -errno;
	e->eventfd = fd;
	/* The program's handlers are not for a thread it does not know. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&e->thread, NULL, wait_for_end, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0) {
		close(fd);
		e->eventfd = -1;
		return r;
	}
	return fd;
}

int afi_exit_fd(struct afi_exit *e)
{
	if (e->pidfd >= 0)
		return e->pidfd;
	return e->eventfd >= 0 ? e->eventfd : start_thread(e);
}

void afi_exit_unwatch(struct afi_exit *e)
{
	if (e->eventfd < 0)
		return;
	/* It is in waitid(2) or write(2), both of which end there. */
	pthread_cancel(e->thread);
	pthread_join(e->thread, NULL);
	close(e->eventfd);
	e->eventfd = -1;
}

int afi_exit_reap(struct afi_exit *e, int *ret_status)
{
	siginfo_t info;
	int r;

	do
		r = wait_child(e, &info, WEXITED | WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -ECHILD;
	/* Readable and yet not ended: a tracer has it stopped at its end. */
	if (info.si_pid == 0)
		return 0;
	if (info.si_code == CLD_EXITED)
		*ret_status = W_EXITCODE(info.si_status, 0);
	else
		*ret_status = info.si_status |
			      (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
	return 1;
}

int afi_exit_signal(struct afi_exit *e, int sig)
{
	siginfo_t info;
	long r;

#ifdef SYS_pidfd_send_signal
	if (e->pidfd >= 0) {
		r = syscall(SYS_pidfd_send_signal, e->pidfd, sig, NULL, 0);
		if (r == 0 || errno != ENOSYS)
			return r < 0 ? -errno : 0;
	}
#endif
	/* Still ours to reap, so the number is no stranger's. */
	if (wait_child(e, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return -ESRCH;
	r = kill(e->pid, sig);
	return r < 0 ? -errno : 0;
}

void afi_exit_close(struct afi_exit *e)
{
	afi_exit_unwatch(e);
	if (e->pidfd >= 0)
		close(e->pidfd);
	e->pidfd = -1;
}
