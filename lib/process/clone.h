/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The creation of a child: system calls and memory only, no loop.
 */
#ifndef AFI_PROCESS_CLONE_H
#define AFI_PROCESS_CLONE_H

#include "process/child.h"

/* A start that may take long, on a thread that is only for that. */
struct afi_birth {
	/*
	 * Called on that thread: with the child once it exists, which pid and
	 * pidfd may kill before it runs its program; and with 0 and -1 once
	 * that is over. It may be called twice with the same. It must not set
	 * errno, which the child uses meanwhile.
	 */
	void (*born)(struct afi_birth *birth, pid_t pid, int pidfd);
};

/*
 * Creates a child and waits until it runs its program. Returns its pid, with a
 * pidfd in *ret_pidfd (-1 where there are none); or the negative errno of what
 * failed, execve(2) included, and there is no child then.
 *
 * birth: NULL, or the calling thread has no signal handlers and may wait for
 * long. It then does so where the C library reaches it, as it must for another
 * thread's setegid(3).
 */
pid_t afi_clone(const struct afi_child_plan *plan, struct afi_birth *birth,
		int *ret_pidfd, struct afi_failure *failure);

#endif
