/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors: their numbers, their other side and their blocking mode.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"

int afi_fd_openat(int dir, const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(dir, path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int afi_fd_above_stdio(int fd)
{
	int copy;

	if (fd < 0)
		return -errno;
	if (fd > 2)
		return fd;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		copy = -errno;
	close(fd);
	return copy;
}

int afi_fd_both_above_stdio(int ends[2], int fds[2])
{
	int r = 0;

	for (int i = 0; i < 2; i++) {
		ends[i] = afi_fd_above_stdio(ends[i]);
		r = ends[i] < 0 ? ends[i] : r;
	}
	for (int i = 0; i < 2; i++) {
		if (r == 0)
			fds[i] = ends[i];
		else if (ends[i] >= 0)
			close(ends[i]);
	}
	return r;
}

short afi_fd_poll(int fd, short events)
{
	struct pollfd polled = { .fd = fd, .events = events };
	int r;

	do
		r = poll(&polled, 1, 0);
	while (r < 0 && errno == EINTR);
	return r > 0 ? polled.revents : 0;
}

bool afi_fifo_is_early(int fd)
{
	/* Once all writers have left, poll(2) reports POLLHUP. */
	return (afi_fd_poll(fd, POLLIN) & (POLLIN | POLLHUP)) != POLLHUP;
}

bool afi_fd_is_hung_up(int fd)
{
	return afi_fd_poll(fd, 0) & POLLHUP;
}

void afi_fd_set_nonblock(int fd, bool on)
{
	int mode = fcntl(fd, F_GETFL);

	if (mode >= 0 && !(mode & O_NONBLOCK) == on)
		fcntl(fd, F_SETFL, mode ^ O_NONBLOCK);
}
