/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cgroups, where there are none.
 */
#include "config.h"

#include <errno.h>

#include "process/cgroup.h"

pid_t afi_cgroup_clone(struct afi_child *child, int *ret_pidfd)
{
	(void)child;
	(void)ret_pidfd;
	return -ENOSYS;
}

int afi_cgroup_open(int cgroup)
{
	(void)cgroup;
	return -ENOSYS;
}

int afi_cgroup_kill(int fd)
{
	(void)fd;
	return -ENOSYS;
}
