/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child by its pidfd or, where there is none (-1), by its number. pidfd_posix.c
 * has none at all.
 */
#ifndef AFI_PROCESS_PIDFD_H
#define AFI_PROCESS_PIDFD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

/* A pidfd above 2, or -errno; -ENOSYS: there are none here. */
int afi_pidfd_open(pid_t pid);
/*
 * waitid(2), not interrupted; info->si_pid is 0 if there is nothing to report. 0
 * or -errno. *usage (NULL: not wanted) is set if this returns true in *has_usage.
 */
int afi_pidfd_wait(int pidfd, pid_t pid, siginfo_t *info, int options,
		   struct rusage *usage, bool *has_usage);
/*
 * The wait status of a child that was reaped: 1; 0: it is not reaped yet; or
 * -errno: it cannot be known.
 */
int afi_pidfd_status(int pidfd, int *ret_status);
/* 0 or -errno; -ENOSYS: this cannot be done here. group: to the one it leads. */
int afi_pidfd_signal(int pidfd, int sig, bool group);

/* Makes of the result of waitpid(2) that of waitid(2). */
static inline void afi_pidfd_translate(siginfo_t *info, pid_t pid, int status)
{
	info->si_pid = pid;
	if (WIFEXITED(status)) {
		info->si_code = CLD_EXITED;
		info->si_status = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		info->si_code = status & 0x80 ? CLD_DUMPED : CLD_KILLED;
		info->si_status = WTERMSIG(status);
	} else {
		info->si_code = CLD_TRAPPED;
	}
}

#endif
