/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding out which file is at a path.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "transport/follow.h"

char *afi_follow_copy(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

bool afi_follow_is_same(const struct stat *known, const struct stat *st)
{
	return known && st->st_dev == known->st_dev &&
	       st->st_ino == known->st_ino;
}

bool afi_follow_is_truncated(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size < lseek(fd, 0, SEEK_CUR);
}

int afi_follow_open(const char *path)
{
	int fd;

	do
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	/* Another process has leased it, and is told by this to give it up. */
	if (fd < 0 && errno == EWOULDBLOCK)
		return -EBUSY;
	return afi_fd_above_stdio(fd);
}

int afi_follow_look(const char *path, const struct stat *known)
{
	struct stat st;
	int fd;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? -EAGAIN : -errno;
	if (afi_follow_is_same(known, &st))
		return -EAGAIN;
	fd = afi_follow_open(path);
	return fd == -ENOENT ? -EAGAIN : fd;
}

int afi_follow_check(int fd, struct stat *ret_st)
{
	int r = 0;

	if (fstat(fd, ret_st) < 0)
		r = -errno;
	else if (S_ISDIR(ret_st->st_mode))
		r = -EISDIR;
	else if (!S_ISREG(ret_st->st_mode))
		r = -ENOTSUP;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}
