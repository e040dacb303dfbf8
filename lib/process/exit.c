/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching for the end of one child, without SIGCHLD and without looking at
 * other children. Knows no loop.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/exit.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* To the group that the pidfd's process leads or led: Linux 6.9. */
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2)
#endif

/*
 * The kernel's struct pidfd_info, up to the field that we want. Its size, which
 * is part of the request, tells the kernel the version.
 */
struct pidfd_facts {
	uint64_t mask; /* what is asked for, and then what was answered */
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t exit_code; /* a wait status; Linux 6.15 */
};
#define FACTS_EXIT (UINT64_C(1) << 3)
#define GET_FACTS _IOWR(0xff, 11, struct pidfd_facts)
_Static_assert(sizeof(struct pidfd_facts) == 64, "the kernel's first version");

void afi_exit_init(struct afi_exit *e, pid_t pid, int pidfd)
{
	e->pid = pid;
	e->gone = pid == 0;
	e->pidfd = pidfd;
	e->eventfd = -1;
}

int afi_exit_adopt(struct afi_exit *e, pid_t pid)
{
	int pidfd = -1;

#ifdef HAVE_PIDFD
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0 &&
	    (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -errno;
	pidfd = afi_fd_above_stdio(pidfd);
	if (pidfd < -1)
		return pidfd;
#endif
	afi_exit_init(e, pid, pidfd);
	if (afi_exit_is_ours(e))
		return 0;
	afi_exit_release(e);
	return -ECHILD;
}

/*
 * waitid(2) for this child, by pidfd, as its pid may be another child's by now.
 * Only the system call, not the C library's function, returns the usage.
 */
static int exit_waitid(const struct afi_exit *e, siginfo_t *info, int options,
		       struct rusage *usage)
{
	long r = -1;

	do {
		info->si_pid = 0;
		errno = EINVAL;
		if (e->pidfd >= 0)
			r = syscall(SYS_waitid, P_PIDFD, e->pidfd, info,
				    options, usage);
		if (r < 0 && errno == EINVAL) /* Linux before 5.4 */
			r = syscall(SYS_waitid, P_PID, e->pid, info, options,
				    usage);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

bool afi_exit_is_ours(const struct afi_exit *e)
{
	siginfo_t info;

	return !e->gone &&
	       exit_waitid(e, &info, WEXITED | WNOHANG | WNOWAIT, NULL) == 0;
}

bool afi_exit_leads_group(const struct afi_exit *e)
{
	return getpgid(e->pid) == e->pid;
}

static void *exit_thread_main(void *arg)
{
	const struct afi_exit *e = arg;
	const uint64_t one = 1;
	siginfo_t info;

	/* The C library's function, as a thread can be cancelled in it. */
	while (waitid(P_PID, (id_t)e->pid, &info, WEXITED | WNOWAIT) < 0 &&
	       errno == EINTR)
		;
	while (write(e->eventfd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

static int exit_start_thread(struct afi_exit *e)
{
	sigset_t all, before;
	int fd, r;

	fd = afi_fd_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (fd < 0)
		return -errno;
	e->eventfd = fd;
	/* The program's signal handlers must not run in our thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&e->thread, NULL, exit_thread_main, e);
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
	return e->eventfd >= 0 ? e->eventfd : exit_start_thread(e);
}

void afi_exit_unwatch(struct afi_exit *e)
{
	if (e->eventfd < 0)
		return;
	/* It is in waitid(2) or write(2), which are cancellation points. */
	pthread_cancel(e->thread);
	pthread_join(e->thread, NULL);
	close(e->eventfd);
	e->eventfd = -1;
}

/* Asks the kernel how the child ended; 0 or -errno. */
static int exit_ask_kernel(const struct afi_exit *e,
			   struct pidfd_facts *ret_facts)
{
	int r = -1;

	/* This fails once if the process is reaped during the call. */
	for (int i = 0; i < 2 && r < 0; i++) {
		*ret_facts = (struct pidfd_facts){ .mask = FACTS_EXIT };
		r = ioctl(e->pidfd, GET_FACTS, ret_facts);
	}
	return r < 0 ? -errno : 0;
}

/*
 * Looks at a child that cannot be waited for: the program reaped it, or ignores
 * SIGCHLD. The status is known only if the kernel still has it.
 */
static int exit_look_at_gone(struct afi_exit *e, struct afi_end *ret_end)
{
	struct pidfd_facts facts;
	struct pollfd end = { .fd = e->pidfd, .events = POLLIN };

	*ret_end = (struct afi_end){ .status = -1 };
	if (e->pidfd >= 0 && exit_ask_kernel(e, &facts) == 0) {
		if (facts.mask & FACTS_EXIT)
			ret_end->status = facts.exit_code;
		else if (poll(&end, 1, 0) > 0)
			return 0; /* being reaped: look again soon */
	}
	e->gone = true;
	return 1;
}

int afi_exit_look(struct afi_exit *e, struct afi_end *ret_end)
{
	bool keep = afi_exit_leads_group(e);
	siginfo_t info;

	if (exit_waitid(e, &info, WEXITED | WNOHANG | (keep ? WNOWAIT : 0),
			&ret_end->usage) < 0)
		return exit_look_at_gone(e, ret_end);
	/* The pidfd is readable, but a tracer holds the child at its end. */
	if (info.si_pid == 0)
		return 0;
	e->gone = !keep;
	ret_end->has_usage = true;
	if (info.si_code == CLD_EXITED)
		ret_end->status = W_EXITCODE(info.si_status, 0);
	else
		ret_end->status = info.si_status |
				  (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
	return 1;
}

/* 0 or -errno; -ENOSYS: pidfds cannot do this here. */
static int exit_signal_by_pidfd(const struct afi_exit *e, int sig,
				unsigned flags)
{
#ifdef SYS_pidfd_send_signal
	if (e->pidfd >= 0)
		return syscall(SYS_pidfd_send_signal, e->pidfd, sig, NULL,
			       flags) < 0
			       ? -errno
			       : 0;
#else
	(void)e;
	(void)sig;
	(void)flags;
#endif
	return -ENOSYS;
}

int afi_exit_signal(const struct afi_exit *e, int sig)
{
	int r = exit_signal_by_pidfd(e, sig, 0);

	if (r != -ENOSYS)
		return r;
	/* While it is ours to reap, its number is no stranger's. */
	if (!afi_exit_is_ours(e))
		return -ESRCH;
	return kill(e->pid, sig) < 0 ? -errno : 0;
}

int afi_exit_signal_group(const struct afi_exit *e, int sig)
{
	int r = exit_signal_by_pidfd(e, sig, PIDFD_SIGNAL_PROCESS_GROUP);

	if (r != -ENOSYS && r != -EINVAL)
		return r;
	/* While it is ours to reap, only it can have made that group. */
	if (!afi_exit_is_ours(e))
		return -ESRCH;
	return kill(-e->pid, sig) < 0 ? -errno : 0;
}

int afi_exit_signal_all(const struct afi_exit *e, int sig)
{
	return afi_exit_leads_group(e) ? afi_exit_signal_group(e, sig)
				       : afi_exit_signal(e, sig);
}

void afi_exit_await(struct afi_exit *e)
{
	siginfo_t info;

	if (!e->gone)
		exit_waitid(e, &info, WEXITED, NULL);
	e->gone = true;
}

void afi_exit_close(struct afi_exit *e)
{
	siginfo_t info;

	if (!e->gone)
		exit_waitid(e, &info, WEXITED | WNOHANG, NULL);
	afi_exit_release(e);
}

void afi_exit_release(struct afi_exit *e)
{
	afi_exit_unwatch(e);
	if (e->pidfd >= 0)
		close(e->pidfd);
	e->pidfd = -1;
	e->gone = true;
}
