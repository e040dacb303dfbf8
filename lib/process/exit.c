/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching one child end, without SIGCHLD and without looking at other
 * children. Knows no loop.
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
 * What the kernel knows of a pidfd's process, up to the field that we want; it
 * tells the versions of this struct by their size, which is in the request.
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
 * waitid(2) for this child; a pid might by now be that of another one. The C
 * library's has no usage, which the system call has.
 */
static int wait_child(const struct afi_exit *e, siginfo_t *info, int options,
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
	       wait_child(e, &info, WEXITED | WNOHANG | WNOWAIT, NULL) == 0;
}

bool afi_exit_leads_group(const struct afi_exit *e)
{
	return getpgid(e->pid) == e->pid;
}

static void *wait_for_end(void *arg)
{
	const struct afi_exit *e = arg;
	const uint64_t one = 1;
	siginfo_t info;

	/* By the function, for in there a thread can be cancelled. */
	while (waitid(P_PID, (id_t)e->pid, &info, WEXITED | WNOWAIT) < 0 &&
	       errno == EINTR)
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

/* What the kernel knows of it; 0 or -errno. */
static int ask_kernel(const struct afi_exit *e, struct pidfd_facts *ret_facts)
{
	int r = -1;

	/* It fails once for a process that vanishes while it looks. */
	for (int i = 0; i < 2 && r < 0; i++) {
		*ret_facts = (struct pidfd_facts){ .mask = FACTS_EXIT };
		r = ioctl(e->pidfd, GET_FACTS, ret_facts);
	}
	return r < 0 ? -errno : 0;
}

/*
 * Somebody else reaped it, or nobody does: the program ignores SIGCHLD. Where
 * the kernel does not tell how it ended, nobody does.
 */
static int look_at_gone(struct afi_exit *e, struct afi_end *ret_end)
{
	struct pidfd_facts facts;
	struct pollfd end = { .fd = e->pidfd, .events = POLLIN };

	*ret_end = (struct afi_end){ .status = -1 };
	if (e->pidfd >= 0 && ask_kernel(e, &facts) == 0) {
		if (facts.mask & FACTS_EXIT)
			ret_end->status = facts.exit_code;
		else if (poll(&end, 1, 0) > 0)
			return 0; /* it is being reaped: known in a moment */
	}
	e->gone = true;
	return 1;
}

int afi_exit_look(struct afi_exit *e, struct afi_end *ret_end)
{
	bool keep = afi_exit_leads_group(e);
	siginfo_t info;

	if (wait_child(e, &info, WEXITED | WNOHANG | (keep ? WNOWAIT : 0),
		       &ret_end->usage) < 0)
		return look_at_gone(e, ret_end);
	/* Readable and yet not ended: a tracer has it stopped at its end. */
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

/* -ENOSYS: it cannot be done by pidfd here. */
static int signal_by_pidfd(const struct afi_exit *e, int sig, unsigned flags)
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
	int r = signal_by_pidfd(e, sig, 0);

	if (r != -ENOSYS)
		return r;
	/* Still ours to reap, so the number is no stranger's. */
	if (!afi_exit_is_ours(e))
		return -ESRCH;
	return kill(e->pid, sig) < 0 ? -errno : 0;
}

int afi_exit_signal_group(const struct afi_exit *e, int sig)
{
	int r = signal_by_pidfd(e, sig, PIDFD_SIGNAL_PROCESS_GROUP);

	if (r != -ENOSYS && r != -EINVAL)
		return r;
	/* Then a group of that number is of its making, or for it. */
	if (!afi_exit_is_ours(e))
		return -ESRCH;
	return kill(-e->pid, sig) < 0 ? -errno : 0;
}

void afi_exit_await(struct afi_exit *e)
{
	siginfo_t info;

	if (!e->gone)
		wait_child(e, &info, WEXITED, NULL);
	e->gone = true;
}

void afi_exit_close(struct afi_exit *e)
{
	siginfo_t info;

	if (!e->gone)
		wait_child(e, &info, WEXITED | WNOHANG, NULL);
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
