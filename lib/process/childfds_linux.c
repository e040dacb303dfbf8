/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors of a child: those that it does not keep, those that get
 * another number, and the streams that it opens itself. Runs in the child, see
 * child_linux.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/refused.h"
#include "process/childfds.h"
#include "process/path.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

#define PROC_MAGIC 0x9fa0

struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* Without close_range(2): marks each descriptor listed in /proc. */
AFI_IN_CHILD static int childfds_mark_listed(int from)
{
	_Alignas(struct linux_dirent64) char buf[2048];
	struct linux_dirent64 *entry;
	struct statfs fs;
	long dir = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd",
			   O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long n;

	if (dir < 0)
		return -1;
	/* In a chroot, it may be a directory like any other. */
	if (syscall(SYS_fstatfs, dir, &fs) < 0 ||
	    (unsigned long)fs.f_type != PROC_MAGIC) {
		syscall(SYS_close, dir);
		errno = ENOENT;
		return -1;
	}
	while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long i = 0; i < n; i += entry->d_reclen) {
			int fd = 0;

			entry = (void *)(buf + i);
			for (const char *c = entry->d_name; *c; c++)
				fd = *c == '.' ? 0 : fd * 10 + (*c - '0');
			if (fd >= from)
				syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
		}
	}
	syscall(SYS_close, dir);
	return n < 0 ? -1 : 0;
}

/* Marks all from closefrom on, so that the exec closes them. */
AFI_IN_CHILD bool afi_child_close_others(struct afi_child *child)
{
	int from = child->plan->options->closefrom;

	from = from ? from : 3;
#ifdef HAVE_CLOSE_RANGE
	if (syscall(SYS_close_range, from, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return true;
#endif
	return childfds_mark_listed(from) == 0 ||
	       afi_child_failed(child, AFIO_STEP_OPEN, "/proc/self/fd",
				AFI_NO_NUMBER);
}

/* Moves a descriptor to a number that no other will get. */
AFI_IN_CHILD static bool childfds_move_aside(struct afi_child *child, int *fd)
{
	int copy = 2;

	if (!afi_child_is_target(child->plan, *fd))
		return true;
	do
		copy = (int)syscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, copy + 1);
	while (copy >= 0 && afi_child_is_target(child->plan, copy));
	if (copy < 0)
		return afi_child_failed(child, AFIO_STEP_FD, NULL, *fd);
	*fd = copy;
	return true;
}

AFI_IN_CHILD bool afi_child_place_fds(struct afi_child *child)
{
	const struct afi_child_plan *plan = child->plan;
	struct af_fd_map *map = plan->fds, *end = map + plan->n_fds;

	if (!childfds_move_aside(child, &child->error_fd) ||
	    !childfds_move_aside(child, &child->cwd_fd) ||
	    !childfds_move_aside(child, &child->program_fd))
		return false;
	for (; map < end; map++)
		if (map->fd != map->child_fd &&
		    !childfds_move_aside(child, &map->fd))
			return false;
	for (map = plan->fds; map < end; map++) {
		long r;

		if (map->fd == map->child_fd)
			r = syscall(SYS_fcntl, map->fd, F_SETFD, 0);
		else
			r = syscall(SYS_dup3, map->fd, map->child_fd, 0);
		if (r < 0)
			return afi_child_failed(child, AFIO_STEP_FD, NULL,
						map->child_fd);
	}
	for (int fd = 0; fd < 3; fd++)
		if (afi_child_is_late(&plan->streams[fd]))
			syscall(SYS_close, fd);
	return true;
}

/* Puts an open descriptor in the place of a standard one. */
AFI_IN_CHILD static long childfds_place(long fd, int number)
{
	if (fd == number)
		return syscall(SYS_fcntl, fd, F_SETFD, 0);
	return fd < 0 ? fd : syscall(SYS_dup3, fd, number, 0);
}

/* One part of a path, from the directory before it, which is closed. */
AFI_IN_CHILD static long childfds_open_part(long dir, const char *name,
					    int flags, mode_t mode)
{
	long fd = syscall(SYS_openat, dir, name, flags, mode);
	int error = errno;
	char byte;

	/* A link that must be a directory, and is not followed. */
	if (fd < 0 && error == ENOTDIR &&
	    syscall(SYS_readlinkat, dir, name, &byte, 1) >= 0)
		error = ELOOP;
	syscall(SYS_close, dir);
	errno = error;
	return fd;
}

/* What openat2(2) does, where it is refused: fails at any link, with ELOOP. */
AFI_IN_CHILD static long childfds_walk(const char *path, int flags, mode_t mode)
{
	const int way = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	const char *start = *path == '/' ? "/" : *path ? "." : "";
	long dir = syscall(SYS_openat, AT_FDCWD, start, way);

	while (dir >= 0) {
		char name[NAME_MAX + 1];
		size_t len = 0;

		while (*path == '/')
			path++;
		for (; *path && *path != '/'; path++) {
			if (len == NAME_MAX) {
				syscall(SYS_close, dir);
				errno = ENAMETOOLONG;
				return -1;
			}
			name[len++] = *path;
		}
		name[len] = '\0';
		if (!*path)
			return childfds_open_part(dir, len ? name : ".",
						  flags | O_NOFOLLOW, mode);
		dir = childfds_open_part(dir, name, way, 0);
	}
	return -1;
}

/* Opens a path of the child's; see path.h for one with no links. */
AFI_IN_CHILD static long childfds_open(const struct afi_child_stream *stream)
{
	int flags = stream->flags | O_LARGEFILE;
#ifdef SYS_openat2
	long fd;
	const uint64_t how[3] = { (uint64_t)(unsigned)flags,
				  flags & O_CREAT ? stream->mode : 0,
				  AFI_NO_SYMLINKS };

	if (stream->no_links) {
		fd = syscall(SYS_openat2, AT_FDCWD, stream->path, how,
			     sizeof(how));
		if (fd >= 0 || !afi_refused(errno))
			return fd;
	}
#endif
	if (stream->no_links)
		return childfds_walk(stream->path, flags, stream->mode);
	return syscall(SYS_openat, AT_FDCWD, stream->path, flags, stream->mode);
}

/* With the rights of the child's user, and in its working directory. */
AFI_IN_CHILD bool afi_child_open_streams(struct afi_child *child)
{
	const struct afi_child_stream *streams = child->plan->streams;

	for (int i = 0; i < 3; i++) {
		long fd;

		if (streams[i].is_stdout && childfds_place(1, i) < 0)
			return afi_child_failed(child, AFIO_STEP_FD, NULL, i);
		if (!streams[i].path)
			continue;
		fd = childfds_open(&streams[i]);
		if (childfds_place(fd, i) < 0)
			return afi_child_failed(child, AFIO_STEP_OPEN,
						streams[i].path, AFI_NO_NUMBER);
	}
	return true;
}
