/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a path as root, where other users may have put a symbolic link in the
 * way. The kernel does it if there is no link at all. Otherwise the path is
 * walked part by part, each opened in the directory before it, so that no other
 * user can replace a part after it was checked.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/refused.h"
#include "process/path.h"

/* As many as the kernel follows. */
#define MAX_LINKS 40
#define PROC_MAGIC 0x9fa0

struct path_walk {
	int dir;    /* where the walk is; O_PATH */
	char *text; /* allocated; rest is in it */
	char *rest; /* of the path, from dir on */
	int links;  /* followed so far */
	int flags;  /* of the last open */
	mode_t mode;
};

/* Opens a path that has no link in it; -ELOOP: it has, or who knows. */
static int path_open_straight(const char *path, int flags, mode_t mode)
{
#ifdef SYS_openat2
	/* A struct open_how. */
	const uint64_t how[3] = { (uint64_t)(unsigned)(flags | O_LARGEFILE),
				  flags & O_CREAT ? mode : 0, AFI_NO_SYMLINKS };
	long fd;

	do
		fd = syscall(SYS_openat2, AT_FDCWD, path, how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return (int)fd;
	/* It may be missing, or refused by a sandbox. */
	return afi_refused(errno) ? -ELOOP : -errno;
#else
	(void)path;
	(void)flags;
	(void)mode;
	return -ELOOP;
#endif
}

/* Goes on from another directory, which the walk takes; 0 or -errno. */
static int path_enter(struct path_walk *walk, int dir)
{
	if (dir < 0)
		return -errno;
	if (walk->dir >= 0)
		close(walk->dir);
	walk->dir = dir;
	return 0;
}

static int path_enter_start(struct path_walk *walk, const char *path)
{
	return path_enter(walk,
			  afi_fd_openat(AT_FDCWD, *path == '/' ? "/" : ".",
					O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
}

/* The first len bytes of a text; or NULL. */
static char *path_copy(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy)
		*(char *)mempcpy(copy, text, len) = '\0';
	return copy;
}

/* 0: nobody but root can have made a link, or can exchange it; or -errno. */
static int path_check_link(const struct stat *link, int dir)
{
	struct stat d;

	if (fstat(dir, &d) < 0)
		return -errno;
	return link->st_uid == 0 && d.st_uid == 0 &&
			       (!(d.st_mode & (S_IWGRP | S_IWOTH)) ||
				d.st_mode & S_ISVTX)
		       ? 0
		       : -ELOOP;
}

/* Continues with the text of a link, and then with the rest. */
static int path_take_text(struct path_walk *walk, int link)
{
	size_t rest = strlen(walk->rest);
	char *text = malloc(PATH_MAX + 1 + rest + 1);
	ssize_t n;

	if (!text)
		return -ENOMEM;
	n = readlinkat(link, "", text, PATH_MAX);
	if (n < 0) {
		n = -errno;
		free(text);
		return (int)n;
	}
	if (*walk->rest)
		text[n++] = '/';
	memcpy(text + n, walk->rest, rest + 1);
	free(walk->text);
	walk->text = walk->rest = text;
	return *text == '/' ? path_enter_start(walk, text) : 0;
}

/* Follows what may be a link, and is the reason for an error. 0 or -errno. */
static int path_follow(struct path_walk *walk, const char *name, int error)
{
	int link = afi_fd_openat(walk->dir, name,
				 O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	struct statfs fs;
	struct stat st;
	int r;

	if (link < 0)
		return -errno;
	r = fstat(link, &st) < 0 ? -errno : S_ISLNK(st.st_mode) ? 0 : -error;
	if (r == 0)
		r = ++walk->links > MAX_LINKS ? -ELOOP
					      : path_check_link(&st, walk->dir);
	if (r < 0)
		goto out;
	/* The text of a link in /proc may not be where it leads. */
	if (fstatfs(link, &fs) < 0)
		r = -errno;
	else if ((unsigned long)fs.f_type != PROC_MAGIC)
		r = path_take_text(walk, link);
	else if (*walk->rest)
		r = path_enter(walk,
			       afi_fd_openat(walk->dir, name,
					     O_PATH | O_DIRECTORY | O_CLOEXEC,
					     0));
	else
		r = -EXDEV;
out:
	close(link);
	return r;
}

/* The last part of a path. The descriptor, -errno, or -EINPROGRESS: go on. */
static int path_open_last(struct path_walk *walk, const char *name)
{
	int fd = afi_fd_openat(walk->dir, name, walk->flags | O_NOFOLLOW,
			       walk->mode);
	int r;

	if (fd >= 0)
		return fd;
	if (errno != ELOOP || walk->flags & O_NOFOLLOW)
		return -errno;
	r = path_follow(walk, name, ELOOP);
	if (r != -EXDEV)
		return r == 0 ? -EINPROGRESS : r;
	fd = afi_fd_openat(walk->dir, name, walk->flags, walk->mode);
	return fd < 0 ? -errno : fd;
}

/* One part of a path, as above. */
static int path_step(struct path_walk *walk)
{
	char *name = walk->rest + strspn(walk->rest, "/");
	char *end = name + strcspn(name, "/");
	int dir, r;

	walk->rest = end;
	/* Of "/", or behind a slash at the end. */
	if (!*name)
		return path_open_last(walk, ".");
	if (!*end)
		return path_open_last(walk, name);
	*end = '\0';
	walk->rest = end + 1;
	dir = afi_fd_openat(walk->dir, name,
			    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (dir < 0 && errno == ENOTDIR) {
		/* So that a link at the end of a path remains a directory. */
		*end = '/';
		walk->rest = end;
		name = path_copy(name, (size_t)(end - name));
		if (!name)
			return -ENOMEM;
		r = path_follow(walk, name, ENOTDIR);
		free(name);
	} else {
		r = path_enter(walk, dir);
	}
	return r == 0 ? -EINPROGRESS : r;
}

static int path_walk(const char *path, int flags, mode_t mode)
{
	struct path_walk walk = { .dir = -1, .flags = flags, .mode = mode };
	int r;

	walk.text = walk.rest = path_copy(path, strlen(path));
	if (!walk.text)
		return -ENOMEM;
	r = path_enter_start(&walk, path);
	if (r == 0)
		r = -EINPROGRESS;
	while (r == -EINPROGRESS)
		r = path_step(&walk);
	if (walk.dir >= 0)
		close(walk.dir);
	free(walk.text);
	return r;
}

int afi_path_open(const char *path, int flags, mode_t mode)
{
	int fd = path_open_straight(path, flags, mode);

	if (fd != -ELOOP)
		return fd;
	if (geteuid() == 0 && *path)
		return path_walk(path, flags, mode);
	fd = afi_fd_openat(AT_FDCWD, path, flags, mode);
	return fd < 0 ? -errno : fd;
}
