/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One child as the kernel shows it: its end, its stops, and signals; without
 * SIGCHLD and without looking at other children. Knows no loop.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/refused.h"
#include "process/exit.h"
#include "process/pidfd.h"

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
	int pidfd = afi_pidfd_open(pid);

	if (pidfd == -EMFILE || pidfd == -ENFILE || pidfd == -ENOMEM)
		return pidfd;
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

static int exit_wait(const struct afi_exit *e, siginfo_t *info, int options)
{
	return afi_pidfd_wait(e->pidfd, e->pid, info, options, NULL, NULL);
}

bool afi_exit_is_ours(const struct afi_exit *e)
{
	siginfo_t info;
	int r;

	if (e->gone)
		return false;
	r = exit_wait(e, &info, WEXITED | WNOHANG | WNOWAIT);
	/* A sandbox without waitid(2). */
	if (afi_refused(-r))
		return kill(e->pid, 0) == 0 || errno == EPERM;
	return r == 0;
}

bool afi_exit_leads_group(const struct afi_exit *e)
{
	return getpgid(e->pid) == e->pid;
}

/*
 * Looks at a child that cannot be waited for: the program reaped it, or ignores
 * SIGCHLD. The status is known only if the kernel still has it.
 */
static int exit_look_at_gone(struct afi_exit *e, struct afi_end *ret_end)
{
	*ret_end = (struct afi_end){ .status = -1 };
	if (e->pidfd >= 0 && afi_pidfd_status(e->pidfd, &ret_end->status) == 0)
		return 0; /* being reaped: look again soon */
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

/* This status is not the same everywhere: Linux; FreeBSD; macOS. */
static int exit_continued(void)
{
	static const int exit_statuses[] = { 0xffff, 0x13, 0x137f };
	int i = 0;

	while (i < 2 && !WIFCONTINUED(exit_statuses[i]))
		i++;
	return exit_statuses[i];
}

static int exit_status(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return (info->si_status & 0xff) << 8;
	case CLD_DUMPED:
		return info->si_status | 0x80;
	case CLD_STOPPED:
		return info->si_status << 8 | 0x7f;
	case CLD_CONTINUED:
		return exit_continued();
	default:
		return info->si_status;
	}
}

/* Whether it has ended: 1, with *ret_end; 0; or -errno. */
static int exit_see(const struct afi_exit *e, int options,
		    struct afi_end *ret_end)
{
	siginfo_t info;
	int r = afi_pidfd_wait(e->pidfd, e->pid, &info,
			       WEXITED | WNOHANG | options, &ret_end->usage,
			       &ret_end->has_usage);

	if (r < 0)
		return r;
	if (!exit_is_end(&info))
		return 0; /* it lives, or a tracer holds it at its end */
	ret_end->status = exit_status(&info);
	return 1;
}

int afi_exit_look(struct afi_exit *e, bool readable, struct afi_end *ret_end)
{
	bool keep = readable && afi_exit_leads_group(e);
	bool reap = readable && !keep;
	/* What may be a stop must stay for the tracer. */
	int r = exit_see(e, reap ? 0 : WNOWAIT, ret_end);

	if (!reap && (afi_refused(-r) ||
		      (r == 1 && !keep && !afi_exit_leads_group(e)))) {
		int again = exit_see(e, 0, ret_end);

		reap = true;
		/* If somebody else was faster, the status is known. */
		if (r != 1 || again >= 0)
			r = again;
	}
	if (r < 0)
		return exit_look_at_gone(e, ret_end);
	e->gone = r == 1 && reap;
	return r;
}

int afi_exit_look_for_change(const struct afi_exit *e, int *ret_status)
{
	const int changes = WSTOPPED | WCONTINUED | WNOHANG;
	siginfo_t info;

	if (exit_wait(e, &info, changes | WNOWAIT) < 0 || info.si_pid == 0 ||
	    info.si_code == CLD_TRAPPED)
		return 0;
	if (exit_wait(e, &info, changes) < 0 || info.si_pid == 0)
		return 0;
	*ret_status = exit_status(&info);
	return 1;
}

bool afi_exit_is_stopped(const struct afi_exit *e)
{
	const int peek = WSTOPPED | WNOHANG | WNOWAIT;
	siginfo_t info;

	return exit_wait(e, &info, peek) == 0 && info.si_pid != 0 &&
	       info.si_code == CLD_STOPPED;
}

int afi_exit_signal(const struct afi_exit *e, int sig)
{
	int r = afi_pidfd_signal(e->pidfd, sig, false);

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
	int r = afi_pidfd_signal(e->pidfd, sig, true);

	if (r == 0 || (r != -EINVAL && !afi_refused(-r)))
		return r;
	/* While it is ours to reap, only it can have made that group. */
	if (afi_exit_is_ours(e))
		return kill(-e->pid, sig) < 0 ? -errno : 0;
	/* Of a child that is reaped, the kernel says so, and a sandbox not. */
	if (r == -EPERM && afi_pidfd_signal(e->pidfd, 0, false) == -ESRCH)
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

	exit_wait(e, &info, WEXITED);
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

	for (int waited = 0; waited < KILLED_MAX_MS; waited += ms) {
		if (afi_exit_look(e, afi_exit_is_readable(e), &end) == 1) {
			afi_exit_reap(e);
			return true;
		}
		exit_pause(e, ms);
		ms = ms * 2 < PAUSE_MAX_MS ? ms * 2 : PAUSE_MAX_MS;
	}
	return false;
}

void afi_exit_reap(struct afi_exit *e)
{
	siginfo_t info;

	if (!e->gone)
		exit_wait(e, &info, WEXITED | WNOHANG);
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
