/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child whose start was cancelled while a thread was busy with it: what that
 * thread needs to leave nothing behind, without its process and its loop.
 */
#ifndef AFI_PROCESS_STRAY_H
#define AFI_PROCESS_STRAY_H

#include <sys/types.h>

struct af_process;

struct afi_stray {
	int tty;     /* our terminal, which the child may still take; -1 */
	pid_t group; /* that the child joins alone; 0: one of its own */
	int cgroup;  /* to kill all that is in there; -1 */
};

/*
 * On the loop's thread: takes over what the process has for a child that joins
 * group (0: none). The terminal is ours again, as far as can be said now.
 */
void afi_stray_take(struct afi_stray *stray, struct af_process *process,
		    pid_t group);
/* In the thread, once the child, if pid is one, runs or has failed: ends it. */
void afi_stray_end(struct afi_stray *stray, pid_t pid, int pidfd);

#endif
