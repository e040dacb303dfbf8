/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The creation of a child: system calls and memory only, no loop.
 */
#ifndef AFI_PROCESS_CLONE_H
#define AFI_PROCESS_CLONE_H

#include "process/child.h"

/*
 * Creates a child and waits until it runs its program. Returns its pid, with a
 * pidfd in *ret_pidfd (-1 where there are none); or the negative errno of what
 * failed, execve(2) included, and there is no child then.
 */
pid_t afi_clone(const struct afi_child_plan *plan, int *ret_pidfd,
		struct afi_failure *failure);

#endif
