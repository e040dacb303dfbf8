/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One child as the kernel shows it: its end, its stops, and signals; without
 * SIGCHLD and without looking at other children. Knows no loop.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/refused.h"
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

/* How long a killed child may take, and the longest pause between two looks. */
#define KILLED_MAX_MS 1000
#define PAUSE_MAX_MS 50

void afi_exit_init(struct afi_exit *e, pid_t pid, int pidfd)
{
	e->pid = pid;
	e->gone = pid == 0;
	e->pidfd = pidfd;
}

int afi_exit_adopt(struct afi_exit *e, pid_t pid)
{
	int pidfd = -1;

#ifdef HAVE_PIDFD
	pidfd = afi_fd_above_stdio((int)syscall(SYS_pidfd_open, pid, 0));
	if (pidfd == -EMFILE || pidfd == -ENFILE || pidfd == -ENOMEM)
		return pidfd;
#endif
	afi_exit_init(e, pid, pidfd);
	if (afi_exit_is_ours(e))
		return 0;
	afi_exit_release(e);
	return -ECHILD;
}

bool afi_exit_is_readable(const struct afi_exit *e)
{
	return e->pidfd >= 0 && afi_fd_poll(e->pidfd, POLLIN) != 0;
}

/* Where a sandbox refuses waitid(2): the same for ends, which are reaped. */
static int exit_wait4(const struct afi_exit *e, siginfo_t *info, int options,
		      struct rusage *usage)
{
	int status;
	pid_t pid = wait4(e->pid, &status, options & WNOHANG, usage);

	if (pid <= 0)
		return (int)pid;
	info->si_pid = pid;
	if (WIFEXITED(status)) {
		info->si_code = CLD_EXITED;
		info->si_status = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		info->si_code = WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
		info->si_status = WTERMSIG(status);
	} else {
		info->si_code = CLD_TRAPPED;
	}
	return 0;
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
		/* EINVAL: Linux before 5.4 */
		if (r < 0 && (errno == EINVAL || afi_refused(errno)))
			r = syscall(SYS_waitid, P_PID, e->pid, info, options,
				    usage);
		if (r < 0 && afi_refused(errno) && options & WEXITED &&
		    !(options & WNOWAIT))
			r = exit_wait4(e, info, options, usage);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

bool afi_exit_is_ours(const struct afi_exit *e)
{
	siginfo_t info;
	int r;

	if (e->gone)
		return false;
	r = exit_waitid(e, &info, WEXITED | WNOHANG | WNOWAIT, NULL);
	/* A sandbox without waitid(2). */
	if (afi_refused(-r))
		return kill(e->pid, 0) == 0 || errno == EPERM;
	return r == 0;
}

bool afi_exit_leads_group(const struct afi_exit *e)
{
	return getpgid(e->pid) == e->pid;
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

	*ret_end = (struct afi_end){ .status = -1 };
	if (e->pidfd >= 0 && exit_ask_kernel(e, &facts) == 0) {
		if (facts.mask & FACTS_EXIT)
			ret_end->status = facts.exit_code;
		else if (afi_exit_is_readable(e))
			return 0; /* being reaped: look again soon */
	}
	e->gone = true;
	return 1;
}

/*
 * Whether waitid(2) returned the end of the child. For a child that we trace it
 * returns its stops, too, asked or not.
 */
static bool exit_is_end(const siginfo_t *info)
{
	return info->si_pid != 0 &&
	       (info->si_code == CLD_EXITED || info->si_code == CLD_KILLED ||
		info->si_code == CLD_DUMPED);
}

static int exit_status(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return W_EXITCODE(info->si_status, 0);
	case CLD_DUMPED:
		return info->si_status | WCOREFLAG;
	case CLD_STOPPED:
		return info->si_status << 8 | 0x7f;
	case CLD_CONTINUED:
		return 0xffff;
	default:
		return info->si_status;
	}
}

int afi_exit_look(struct afi_exit *e, bool readable, struct afi_end *ret_end)
{
	bool keep = readable && afi_exit_leads_group(e);
	bool reap = readable && !keep;
	siginfo_t info;
	int r;

	/* What may be a stop must stay for the tracer. */
	r = exit_waitid(e, &info, WEXITED | WNOHANG | (reap ? 0 : WNOWAIT),
			&ret_end->usage);
	if (r == 0 && !exit_is_end(&info))
		return 0; /* it lives, or a tracer holds it at its end */
	if (!reap && (afi_refused(-r) ||
		      (r == 0 && !keep && !afi_exit_leads_group(e)))) {
		reap = true;
		r = exit_waitid(e, &info, WEXITED | WNOHANG, &ret_end->usage);
	}
	if (r < 0)
		return exit_look_at_gone(e, ret_end);
	if (!exit_is_end(&info))
		return 0;
	e->gone = reap;
	ret_end->has_usage = true;
	ret_end->status = exit_status(&info);
	return 1;
}

int afi_exit_look_for_change(const struct afi_exit *e, int *ret_status)
{
	const int changes = WSTOPPED | WCONTINUED | WNOHANG;
	siginfo_t info;

	if (e->gone || exit_waitid(e, &info, changes | WNOWAIT, NULL) < 0 ||
	    info.si_pid == 0 || info.si_code == CLD_TRAPPED)
		return 0;
	if (exit_waitid(e, &info, changes, NULL) < 0 || info.si_pid == 0)
		return 0;
	*ret_status = exit_status(&info);
	return 1;
}

bool afi_exit_is_stopped(const struct afi_exit *e)
{
	const int peek = WSTOPPED | WNOHANG | WNOWAIT;
	siginfo_t info;

	return !e->gone && exit_waitid(e, &info, peek, NULL) == 0 &&
	       info.si_pid != 0 && info.si_code == CLD_STOPPED;
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

	if (r == 0 || !afi_refused(-r))
		return r;
	/*
	 * While it is ours to reap, its number is no stranger's. Where it was
	 * the child that may not be signalled, kill(2) says so again.
	 */
	if (!afi_exit_is_ours(e))
		return -ESRCH;
	return kill(e->pid, sig) < 0 ? -errno : 0;
}

int afi_exit_signal_group(const struct afi_exit *e, int sig)
{
	int r = exit_signal_by_pidfd(e, sig, PIDFD_SIGNAL_PROCESS_GROUP);

	if (r == 0 || (r != -EINVAL && !afi_refused(-r)))
		return r;
	/* While it is ours to reap, only it can have made that group. */
	if (afi_exit_is_ours(e))
		return kill(-e->pid, sig) < 0 ? -errno : 0;
	/* Of a child that is reaped, the kernel says so, and a sandbox not. */
	if (r == -EPERM && exit_signal_by_pidfd(e, 0, 0) == -ESRCH)
		return r;
	return -ESRCH;
}

int afi_exit_signal_all(const struct afi_exit *e, int sig)
{
	int r;

	if (!afi_exit_leads_group(e))
		return afi_exit_signal(e, sig);
	r = afi_exit_signal_group(e, sig);
	/* It succeeds if any of the group could be signalled. */
	return r < 0 ? r : afi_exit_signal(e, 0);
}

void afi_exit_await(struct afi_exit *e)
{
	siginfo_t info;

	if (!e->gone)
		exit_waitid(e, &info, WEXITED, NULL);
	e->gone = true;
}

static void exit_pause(const struct afi_exit *e, int ms)
{
	struct timespec pause = { 0, ms * 1000000L };
	struct pollfd end = { .fd = e->pidfd, .events = POLLIN };

	if (e->pidfd < 0 || afi_exit_is_readable(e))
		nanosleep(&pause, NULL);
	else
		poll(&end, 1, ms);
}

bool afi_exit_await_killed(struct afi_exit *e)
{
	struct afi_end end;
	int ms = 1;

	for (int waited = 0; !e->gone && waited < KILLED_MAX_MS; waited += ms) {
		if (afi_exit_look(e, afi_exit_is_readable(e), &end) == 1)
			afi_exit_reap(e);
		if (e->gone)
			break;
		exit_pause(e, ms);
		ms = ms * 2 < PAUSE_MAX_MS ? ms * 2 : PAUSE_MAX_MS;
	}
	return e->gone;
}

void afi_exit_reap(struct afi_exit *e)
{
	siginfo_t info;

	if (!e->gone)
		exit_waitid(e, &info, WEXITED | WNOHANG, NULL);
	e->gone = true;
}

void afi_exit_close(struct afi_exit *e)
{
	struct afi_end end;

	/* What may be a stop is its tracer's. */
	if (!e->gone && afi_exit_look(e, false, &end) == 1)
		afi_exit_reap(e);
	afi_exit_release(e);
}

void afi_exit_release(struct afi_exit *e)
{
	if (e->pidfd >= 0)
		close(e->pidfd);
	e->pidfd = -1;
	e->gone = true;
}
