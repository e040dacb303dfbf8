/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children in a cgroup of their own.
 */
#ifndef AFI_PROCESS_CGROUP_H
#define AFI_PROCESS_CGROUP_H

#include "process/child.h"

/*
 * Creates a child in the cgroup that its options ask for, with a pidfd, and
 * with a copy of our memory. Its pid or -errno; -ENOSYS: the kernel cannot.
 */
pid_t afi_cgroup_clone(struct afi_child *child, int *ret_pidfd);
/*
 * A descriptor for afi_cgroup_kill(), which then works with any rights; or
 * -errno. -EBADF: it is no cgroup; -ENOSYS: it cannot be killed as a whole.
 */
int afi_cgroup_open(int cgroup);
/* Kills all that is in the cgroup, or below it; 0 or -errno. */
int afi_cgroup_kill(int fd);

#endif
