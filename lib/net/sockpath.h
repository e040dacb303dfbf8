/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths of Unix sockets: who has one, replacing one that nobody has, and
 * removing our own. Knows no loop.
 */
#ifndef AFI_NET_SOCKPATH_H
#define AFI_NET_SOCKPATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* A path that we have bound, which may be another's by now. */
struct afi_sockpath {
	bool ours; /* and is still to be removed */
	dev_t dev;
	ino_t ino;
	pid_t pid;
};

/*
 * Locks a path against others that start to listen on it: the lock's
 * descriptor. -EADDRINUSE: another one is doing that now; another -errno: there
 * can be no lock.
 */
int afi_sockpath_lock(const char *path);
/* Undoes it; a negative lock is fine. */
void afi_sockpath_unlock(const char *path, int lock);
/*
 * Removes a path that no socket is bound to any more: 0. -EADDRINUSE: it is
 * none, or nobody knows. The path must be locked.
 */
int afi_sockpath_clear(const char *path);
/*
 * Records a path as ours that was just bound, and sets its permissions, unless
 * mode is 0. 0 or -errno.
 */
int afi_sockpath_own(struct afi_sockpath *own, const char *path, mode_t mode);
/* Removes it, once, if it is still ours; not in a child by fork(2). */
void afi_sockpath_remove(struct afi_sockpath *own, const char *path);

#endif
