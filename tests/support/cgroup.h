/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cgroup for the children of a test, where the system has one to make.
 */
#ifndef TESTS_CGROUP_H
#define TESTS_CGROUP_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/harness.h"

static char cgroup_path[PATH_MAX];

/* What was killed is gone before the kernel lets go of its cgroup. */
static inline void cgroup_remove(int fd)
{
	int64_t since = now_us();

	close(fd);
	while (rmdir(cgroup_path) < 0) {
		ck_assert_int_eq(errno, EBUSY);
		ck_assert_int_lt(now_us() - since, 20000000);
	}
}

/* Makes one that can be killed; its descriptor, or -1. */
static inline int cgroup_make(void)
{
	char line[PATH_MAX], mount[PATH_MAX], type[64];
	FILE *mounts = fopen("/proc/self/mounts", "re");
	bool found = false;
	int fd;

	ck_assert_ptr_nonnull(mounts);
	while (!found && fgets(line, sizeof line, mounts))
		found = sscanf(line, "%*s %4000s %60s", mount, type) == 2 &&
			strcmp(type, "cgroup2") == 0;
	fclose(mounts);
	snprintf(cgroup_path, sizeof cgroup_path, "%.4000s/asyncfile.%d", mount,
		 (int)getpid());
	if (!found || mkdir(cgroup_path, 0755) < 0)
		return -1;
	fd = open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (faccessat(fd, "cgroup.kill", W_OK, 0) == 0)
		return fd;
	cgroup_remove(fd);
	return -1;
}

#endif
