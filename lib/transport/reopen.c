/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens a descriptor's file again through /proc, and makes sure that it is the
 * same file. Some devices, such as the master of a pty, give a new one each
 * time they are opened.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "transport/reopen.h"

/* Of /dev/tty, the terminal that it stands for; else the same number. */
static unsigned reopen_terminal(int fd)
{
	unsigned number = 0;

#ifdef TIOCGDEV
	if (ioctl(fd, TIOCGDEV, &number) < 0)
		number = 0;
#else
	(void)fd;
#endif
	return number;
}

static bool reopen_is_same(int fd, int copy)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(copy, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
	       (a.st_mode & S_IFMT) == (b.st_mode & S_IFMT) &&
	       reopen_terminal(fd) == reopen_terminal(copy);
}

/* A packet pipe stays one. open(2) may refuse the flag, fcntl(2) takes it. */
static int reopen_keep_packets(int copy, int mode)
{
	int now;

	if (!(mode & O_DIRECT))
		return 0;
	now = fcntl(copy, F_GETFL);
	return now < 0 ? now : fcntl(copy, F_SETFL, now | O_DIRECT);
}

int afi_reopen(int fd, int mode)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int copy;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	do
		copy = open(path, (mode & (O_ACCMODE | O_APPEND)) | O_NONBLOCK |
					  O_CLOEXEC | O_NOCTTY);
	while (copy < 0 && errno == EINTR);
	copy = afi_fd_above_stdio(copy);
	if (copy == -EMFILE || copy == -ENFILE || copy == -ENOMEM)
		return copy;
	if (copy < 0)
		return -ENOTSUP;
	if (!reopen_is_same(fd, copy) || reopen_keep_packets(copy, mode) < 0) {
		close(copy);
		return -ENOTSUP;
	}
	return copy;
}
