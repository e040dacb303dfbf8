/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pipes by pipe2(2), which marks them as it makes them: so no lock.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"

/* statfs(2) of a pipe without a name. */
#define PIPEFS_MAGIC 0x50495045

int afi_pipe_open(int fds[2])
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	return afi_fd_both_above_stdio(ends, fds);
}

void afi_pipe_lock(void)
{
}

void afi_pipe_unlock(void)
{
}

int afi_pipe_has_name(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return (unsigned long)fs.f_type != PIPEFS_MAGIC;
}
