/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children by their numbers, with waitid(2). POSIX does not say what an ended
 * child has used; wait4(2), where it is found, does so of one that it reaps.
 */
#include "config.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/refused.h"
#include "process/pidfd.h"

int afi_pidfd_open(pid_t pid)
{
	(void)pid;
	return -ENOSYS;
}

/* Reaps a child that has ended, for what it has used. */
#ifdef HAVE_WAIT4
static bool pidfd_reap_for_usage(pid_t pid, struct rusage *usage)
{
	int status;

	return wait4(pid, &status, WNOHANG, usage) == pid;
}
#else
static bool pidfd_reap_for_usage(pid_t pid, struct rusage *usage)
{
	(void)pid;
	(void)usage;
	return false;
}
#endif

/* Where a sandbox refuses waitid(2): the same for ends, which are reaped. */
static int pidfd_waitpid(pid_t pid, siginfo_t *info, int options)
{
	int status;
	pid_t ended = waitpid(pid, &status, options & WNOHANG);

	if (ended > 0)
		afi_pidfd_translate(info, ended, status);
	return ended < 0 ? -1 : 0;
}

static int pidfd_waitid(pid_t pid, siginfo_t *info, int options)
{
	int r;

	do {
		info->si_pid = 0;
		r = waitid(P_PID, (id_t)pid, info, options);
		if (r < 0 && afi_refused(errno) && options & WEXITED &&
		    !(options & WNOWAIT))
			r = pidfd_waitpid(pid, info, options);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int afi_pidfd_wait(int pidfd, pid_t pid, siginfo_t *info, int options,
		   struct rusage *usage, bool *has_usage)
{
	bool reaps = options & WEXITED && !(options & WNOWAIT);
	int r;

	(void)pidfd;
	if (has_usage)
		*has_usage = false;
	if (!reaps || !usage)
		return pidfd_waitid(pid, info, options);
	/* Its status first, as that of wait4(2) is another one. */
	r = pidfd_waitid(pid, info, options | WNOWAIT);
	if (afi_refused(-r))
		return pidfd_waitid(pid, info, options);
	if (r < 0 || info->si_pid == 0)
		return r;
	*has_usage = pidfd_reap_for_usage(pid, usage);
	return *has_usage ? 0 : pidfd_waitid(pid, info, options);
}

int afi_pidfd_status(int pidfd, int *ret_status)
{
	(void)pidfd;
	(void)ret_status;
	return -ENOSYS;
}

int afi_pidfd_signal(int pidfd, int sig, bool group)
{
	(void)pidfd;
	(void)sig;
	(void)group;
	return -ENOSYS;
}
