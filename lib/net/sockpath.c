/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths of Unix sockets. bind(2) never takes a path that exists, so one that a
 * process has left behind must be removed first; and not that of a server that
 * runs, or is about to. Knows no loop.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/sockpath.h"
#include "net/socket.h"

#define SUFFIX ".lock"
/* How often a lock may turn out to be that of a file that was removed. */
#define LOCK_TRIES 100

struct sockpath_name {
	char text[sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(SUFFIX)];
};

#ifdef LOCK_EX
static struct sockpath_name sockpath_lock_name(const char *path)
{
	struct sockpath_name name;

	snprintf(name.text, sizeof(name.text), "%s" SUFFIX, path);
	return name;
}

/* Whether a file is a regular one, and still has its name. */
static bool sockpath_is_at(int fd, const char *name)
{
	struct stat st, at;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       lstat(name, &at) == 0 && at.st_dev == st.st_dev &&
	       at.st_ino == st.st_ino;
}

/* The descriptor; -EAGAIN: whoever had the lock has removed the file. */
static int sockpath_try_lock(const char *name)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			  O_NONBLOCK | O_NOCTTY;
	int fd = afi_fd_openat(AT_FDCWD, name, flags, 0600), r = 0;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	else if (!sockpath_is_at(fd, name))
		r = -EAGAIN;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

int afi_sockpath_lock(const char *path)
{
	struct sockpath_name name = sockpath_lock_name(path);
	int r = -EAGAIN;

	for (int i = 0; i < LOCK_TRIES && r == -EAGAIN; i++)
		r = sockpath_try_lock(name.text);
	return r == -EAGAIN ? -EADDRINUSE : r;
}

/* Removed while it is locked: whoever has opened it meanwhile looks again. */
void afi_sockpath_unlock(const char *path, int lock)
{
	struct sockpath_name name = sockpath_lock_name(path);

	if (lock < 0)
		return;
	unlink(name.text);
	close(lock);
}
#else
int afi_sockpath_lock(const char *path)
{
	(void)path;
	return -ENOSYS;
}

void afi_sockpath_unlock(const char *path, int lock)
{
	(void)path;
	(void)lock;
}
#endif

/*
 * Whether no socket is bound to a path. A datagram socket cannot connect to a
 * stream, so nobody notices: if there is one, listening or not yet, the error is
 * EPROTOTYPE; only if there is none, it is ECONNREFUSED.
 */
static bool sockpath_is_stale(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = afi_socket_new(AF_UNIX, SOCK_DGRAM);
	bool stale;

	if (fd < 0)
		return false;
	memcpy(un.sun_path, path, strnlen(path, sizeof(un.sun_path) - 1));
	stale = connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

int afi_sockpath_clear(const char *path)
{
	struct stat before, now;

	if (lstat(path, &before) < 0)
		return errno == ENOENT ? 0 : -EADDRINUSE;
	if (!S_ISSOCK(before.st_mode) || !sockpath_is_stale(path))
		return -EADDRINUSE;
	/* A program that takes no lock may have replaced it. */
	if (lstat(path, &now) < 0 || now.st_dev != before.st_dev ||
	    now.st_ino != before.st_ino)
		return -EADDRINUSE;
	return unlink(path) < 0 && errno != ENOENT ? -EADDRINUSE : 0;
}

int afi_sockpath_own(struct afi_sockpath *own, const char *path, mode_t mode)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	own->ours = true;
	own->dev = st.st_dev;
	own->ino = st.st_ino;
	own->pid = getpid();
	if (mode && (st.st_mode & 07777) != mode && chmod(path, mode) < 0)
		return -errno;
	return 0;
}

void afi_sockpath_remove(struct afi_sockpath *own, const char *path)
{
	struct stat st;

	if (!own->ours || own->pid != getpid())
		return;
	own->ours = false;
	if (lstat(path, &st) == 0 && st.st_dev == own->dev &&
	    st.st_ino == own->ino)
		unlink(path);
}
