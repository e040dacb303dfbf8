/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list, global to the process, of the descriptions that the library has made
 * non-blocking. Two files on duplicates of one descriptor share its flags, so
 * only the last of them clears the flag. Knows no file.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/nonblock.h"
#include "base/queue.h"
#include "base/samefd.h"

struct afi_nonblock {
	LIST_ENTRY(afi_nonblock) entry;
	int fd;
	struct stat st; /* of fd: its device, inode and type */
	pid_t pid;
};
LIST_HEAD(nonblock_list, afi_nonblock);

static pthread_mutex_t nonblock_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t nonblock_once = PTHREAD_ONCE_INIT;
static struct nonblock_list nonblock_holds;

static void nonblock_lock(void)
{
	pthread_mutex_lock(&nonblock_mutex);
}

static void nonblock_unlock(void)
{
	pthread_mutex_unlock(&nonblock_mutex);
}

/* A child by fork(2) finds the list in order, and nobody who has it locked. */
static void nonblock_prepare(void)
{
	pthread_atfork(nonblock_lock, nonblock_unlock, nonblock_unlock);
}

static bool nonblock_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT);
}

/*
 * Whether a flag of one shows on the other. O_APPEND, which says nothing where
 * O_NONBLOCK says something, and is put back at once.
 */
static bool nonblock_share_flags(int a, int b)
{
	int mode = fcntl(a, F_GETFL), other = fcntl(b, F_GETFL);
	bool shared;

	if (mode != other || mode < 0)
		return false;
	if (fcntl(a, F_SETFL, mode ^ O_APPEND) < 0)
		return true; /* better non-blocking too long than blocked */
	shared = fcntl(b, F_GETFL) != other;
	fcntl(a, F_SETFL, mode);
	return shared;
}

/* Whether both are one description. */
static bool nonblock_is_same(int a, int b)
{
	enum afi_samefd same = afi_samefd(a, b);

	/* It cannot be asked everywhere, and is refused in some containers. */
	if (same == AFI_SAMEFD_UNKNOWN)
		return nonblock_share_flags(a, b);
	return same == AFI_SAMEFD_YES;
}

/*
 * Whether one in the list, in which hold is not, is on the same description;
 * perhaps without O_NONBLOCK now.
 */
static bool nonblock_is_shared(const struct afi_nonblock *hold)
{
	const struct afi_nonblock *other;

	LIST_FOREACH (other, &nonblock_holds, entry)
		if (nonblock_same_file(&hold->st, &other->st) &&
		    nonblock_is_same(hold->fd, other->fd))
			return true;
	return false;
}

/* 1: held; 0: the program has set the flag itself; -errno. */
static int nonblock_add(struct afi_nonblock *hold)
{
	int mode = fcntl(hold->fd, F_GETFL);

	if (mode < 0 || fstat(hold->fd, &hold->st) < 0)
		return -errno;
	if (mode & O_NONBLOCK && !nonblock_is_shared(hold))
		return 0;
	if (fcntl(hold->fd, F_SETFL, mode | O_NONBLOCK) < 0)
		return -errno;
	LIST_INSERT_HEAD(&nonblock_holds, hold, entry);
	return 1;
}

int afi_nonblock_hold(int fd, struct afi_nonblock **ret)
{
	struct afi_nonblock *hold = calloc(1, sizeof(*hold));
	int r;

	if (!hold)
		return -ENOMEM;
	hold->fd = fd;
	hold->pid = getpid();
	pthread_once(&nonblock_once, nonblock_prepare);
	nonblock_lock();
	r = nonblock_add(hold);
	nonblock_unlock();
	if (r <= 0) {
		free(hold);
		hold = NULL;
	}
	if (r >= 0)
		*ret = hold;
	return r < 0 ? r : 0;
}

/* Unless the program has closed its descriptor and another has its number. */
static void nonblock_clear(const struct afi_nonblock *hold)
{
	int mode = fcntl(hold->fd, F_GETFL);
	struct stat st;

	if (mode >= 0 && fstat(hold->fd, &st) == 0 &&
	    nonblock_same_file(&st, &hold->st))
		fcntl(hold->fd, F_SETFL, mode & ~O_NONBLOCK);
}

void afi_nonblock_release(struct afi_nonblock *hold)
{
	/* In a child by fork(2): the parent still uses the description. */
	if (!hold || hold->pid != getpid())
		return;
	nonblock_lock();
	LIST_REMOVE(hold, entry);
	if (!nonblock_is_shared(hold))
		nonblock_clear(hold);
	nonblock_unlock();
	free(hold);
}
