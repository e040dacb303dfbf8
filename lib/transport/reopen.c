/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens a descriptor's file again through the system's folder of descriptors, and
 * makes sure that it is the same file. Some devices, such as the master of a pty,
 * give a new one each time they are opened.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/flags.h"
#include "transport/reopen.h"

#ifdef AFI_LINUX
#define REOPEN_FOLDER "/proc/self/fd/"

/* Always a description of its own. */
static bool reopen_is_duplicate(int copy)
{
	(void)copy;
	return false;
}
#else
#define REOPEN_FOLDER "/dev/fd/"

/* A duplicate, as most systems make, has the flags of fd instead of ours. */
static bool reopen_is_duplicate(int copy)
{
	int mode = fcntl(copy, F_GETFL);

	return mode < 0 || !(mode & O_NONBLOCK);
}
#endif

/* Of /dev/tty, the terminal that it stands for; else the same number. */
#ifdef TIOCGDEV
static unsigned reopen_terminal(int fd)
{
	unsigned number = 0;

	return ioctl(fd, TIOCGDEV, &number) < 0 ? 0 : number;
}
#else
static unsigned reopen_terminal(int fd)
{
	(void)fd;
	return 0;
}
#endif

/* 0; -ENOTSUP: another file, or not a description of its own; or -errno. */
static int reopen_compare(int fd, int copy)
{
	struct stat a, b;

	if (fstat(fd, &a) < 0 || fstat(copy, &b) < 0)
		return -errno;
	if (reopen_is_duplicate(copy) || a.st_dev != b.st_dev ||
	    a.st_ino != b.st_ino ||
	    reopen_terminal(fd) != reopen_terminal(copy))
		return -ENOTSUP;
	return 0;
}

/* A packet pipe stays one. open(2) may refuse the flag, fcntl(2) takes it. */
static int reopen_keep_packets(int copy, int mode)
{
	if (!(mode & O_DIRECT))
		return 0;
	return fcntl(copy, F_SETFL,
		     (mode & (O_APPEND | O_DIRECT)) | O_NONBLOCK) < 0
		       ? -errno
		       : 0;
}

int afi_reopen(int fd, int mode)
{
	char path[sizeof(REOPEN_FOLDER) + 3 * sizeof(int)];
	int copy, r;

	snprintf(path, sizeof(path), REOPEN_FOLDER "%d", fd);
	do
		copy = open(path, (mode & (O_ACCMODE | O_APPEND)) | O_NONBLOCK |
					  O_CLOEXEC | O_NOCTTY);
	while (copy < 0 && errno == EINTR);
	copy = afi_fd_above_stdio(copy);
	if (copy < 0)
		return copy;
	r = reopen_compare(fd, copy);
	if (r == 0)
		r = reopen_keep_packets(copy, mode);
	if (r < 0)
		close(copy);
	return r < 0 ? r : copy;
}
