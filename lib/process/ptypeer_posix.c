/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pseudo-terminals by the calls of POSIX. A master is marked close-on-exec under
 * the lock that our own starts of children take, see base/pipe.h.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "process/ptypeer.h"

int afi_ptypeer_open_master(void)
{
	int fd;

	afi_pipe_lock();
	fd = afi_fd_above_stdio(posix_openpt(O_RDWR | O_NOCTTY));
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	afi_pipe_unlock();
	return fd;
}

/* The lock is also for the name, which is in memory that all threads share. */
int afi_ptypeer_open_tty(int master)
{
	const char *name;
	int fd = -1;

	if (grantpt(master) < 0 || unlockpt(master) < 0)
		return -errno;
	afi_pipe_lock();
	name = ptsname(master);
	if (name)
		fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	fd = afi_fd_above_stdio(fd);
	afi_pipe_unlock();
	return fd;
}

int afi_ptypeer_name(int master, char *buf, size_t len)
{
	const char *name;
	int r = 0;

	afi_pipe_lock();
	name = ptsname(master);
	if (!name)
		r = -errno;
	else if (strlen(name) >= len)
		r = -ERANGE;
	else
		strcpy(buf, name);
	afi_pipe_unlock();
	return r;
}
