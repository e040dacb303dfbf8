/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a path as root, where other users may have put a symbolic link in the
 * way: the path is walked part by part, each opened in the directory before it.
 * A link is followed only where nobody but root can have put or can exchange it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/path.h"

/* As many as most kernels follow. */
#define MAX_LINKS 32

/* To walk through a directory that may not be read. */
#ifndef O_SEARCH
#define O_SEARCH O_RDONLY
#endif

/* What NetBSD says of a link that it does not follow. */
#ifndef EFTYPE
#define EFTYPE ELOOP
#endif

#define PATH_DIR_FLAGS (O_SEARCH | O_DIRECTORY | O_CLOEXEC)

struct path_walk {
	int dir;    /* where the walk is */
	char *text; /* allocated; rest is in it */
	char *rest; /* of the path, from dir on */
	int links;  /* followed so far */
	int flags;  /* of the last open */
	mode_t mode;
};

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
					PATH_DIR_FLAGS, 0));
}

/* Whether it is a link: 1, 0, or -errno; -ELOOP: one that is not safe. */
static int path_is_link(const struct path_walk *walk, const char *name)
{
	struct stat l, d;

	if (fstatat(walk->dir, name, &l, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISLNK(l.st_mode))
		return 0;
	if (fstat(walk->dir, &d) < 0)
		return -errno;
	/* In such a directory only root can exchange what is root's. */
	return l.st_uid == 0 && d.st_uid == 0 &&
			       (!(d.st_mode & (S_IWGRP | S_IWOTH)) ||
				d.st_mode & S_ISVTX)
		       ? 1
		       : -ELOOP;
}

/* Continues with the text of a link, and then with the rest. 0 or -errno. */
static int path_follow(struct path_walk *walk, const char *name)
{
	size_t rest = strlen(walk->rest);
	char *text = malloc(PATH_MAX + 1 + rest + 1);
	ssize_t n;

	if (!text)
		return -ENOMEM;
	n = readlinkat(walk->dir, name, text, PATH_MAX);
	if (n < 0 || ++walk->links > MAX_LINKS) {
		n = n < 0 ? -errno : -ELOOP;
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

/* Whether a part was not opened because it is a link; systems differ. */
static bool path_refused_link(int error)
{
	return error == ELOOP || error == EMLINK || error == ENOTDIR ||
	       error == EFTYPE;
}

/* The last part of a path. The descriptor, -errno, or -EINPROGRESS: go on. */
static int path_open_last(struct path_walk *walk, const char *name)
{
	int fd = afi_fd_openat(walk->dir, name, walk->flags | O_NOFOLLOW,
			       walk->mode);
	int error = errno, r;

	if (fd >= 0)
		return fd;
	if (!path_refused_link(error))
		return -error;
	r = path_is_link(walk, name);
	if (r == 1 && walk->flags & O_NOFOLLOW)
		return -ELOOP;
	if (r == 1)
		r = path_follow(walk, name);
	else if (r == 0)
		r = -error;
	return r == 0 ? -EINPROGRESS : r;
}

/* A part with others behind it: 0 or -errno. */
static int path_open_dir(struct path_walk *walk, const char *name)
{
	int dir =
		afi_fd_openat(walk->dir, name, PATH_DIR_FLAGS | O_NOFOLLOW, 0);
	int error = errno, r;

	if (dir >= 0)
		return path_enter(walk, dir);
	if (!path_refused_link(error))
		return -error;
	r = path_is_link(walk, name);
	if (r == 1)
		return path_follow(walk, name);
	return r < 0 ? r : -error;
}

/* One part of a path. The descriptor, -errno, or -EINPROGRESS: go on. */
static int path_step(struct path_walk *walk)
{
	char *name = walk->rest + strspn(walk->rest, "/");
	char *end = name + strcspn(name, "/");
	int r;

	walk->rest = end;
	/* Of "/", or behind a slash at the end. */
	if (!*name)
		return path_open_last(walk, ".");
	if (!*end)
		return path_open_last(walk, name);
	*end = '\0';
	walk->rest = end + 1;
	r = path_open_dir(walk, name);
	return r == 0 ? -EINPROGRESS : r;
}

int afi_path_open(const char *path, int flags, mode_t mode)
{
	struct path_walk walk = { .dir = -1, .flags = flags, .mode = mode };
	int r;

	if (geteuid() != 0 || !*path) {
		r = afi_fd_openat(AT_FDCWD, path, flags, mode);
		return r < 0 ? -errno : r;
	}
	walk.text = walk.rest = malloc(strlen(path) + 1);
	if (!walk.text)
		return -ENOMEM;
	strcpy(walk.text, path);
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
