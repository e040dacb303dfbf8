/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens a file by its path, with the modes of fopen(3), on the calling thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "transport/open.h"

int afi_open_flags(const char *mode)
{
	int flags;

	switch (mode ? *mode : '\0') {
	case 'r':
		flags = O_RDONLY;
		break;
	case 'w':
		flags = O_WRONLY | O_CREAT | O_TRUNC;
		break;
	case 'a':
		flags = O_WRONLY | O_CREAT | O_APPEND;
		break;
	default:
		return -1;
	}
	/* Each letter once, in any order. */
	for (const char *letter = mode + 1; *letter; letter++) {
		if (!strchr("+xbe", *letter) || strchr(letter + 1, *letter))
			return -1;
		if (*letter == '+')
			flags = (flags & ~O_ACCMODE) | O_RDWR;
		if (*letter == 'x' && !(flags & O_CREAT))
			return -1;
		if (*letter == 'x')
			flags |= O_EXCL;
	}
	return flags;
}

/* Of a regular file, which another process has leased: see fcntl(2). */
static bool open_is_leased(const char *path)
{
	struct stat st;
	bool leased;

	if (errno != EWOULDBLOCK)
		return false;
	leased = stat(path, &st) == 0 && S_ISREG(st.st_mode);
	errno = EWOULDBLOCK;
	return leased;
}

int afi_open_path(const char *path, int flags)
{
	/* Do not wait for a FIFO or a device. */
	int fd, wait = O_NONBLOCK;

	for (;;) {
		fd = open(path, flags | wait | O_CLOEXEC | O_NOCTTY, 0666);
		if (fd >= 0)
			break;
		/* As fopen(3): until it has been given up. */
		if (wait && open_is_leased(path))
			wait = 0;
		else if (errno != EINTR)
			break;
	}
	fd = afi_fd_above_stdio(fd);
	if (fd < 0)
		return fd;
	/* As fopen(3): the position can be asked for before a write. */
	if ((flags & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_WRONLY))
		lseek(fd, 0, SEEK_END);
	/* A child that gets af_file_fd() expects it to block. */
	afi_fd_set_nonblock(fd, false);
	return fd;
}

struct af_file *af_file_open(struct af_loop *loop, const char *path,
			     const char *mode)
{
	int flags = afi_open_flags(mode);
	struct af_file *file;
	int fd = afi_loop_usable(loop), error;

	if (!path || flags < 0)
		fd = -EINVAL;
	if (fd == 0)
		fd = afi_open_path(path, flags);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	file = af_file_new(loop, fd, 0);
	if (!file) {
		error = errno;
		close(fd);
		errno = error;
	}
	return file;
}
