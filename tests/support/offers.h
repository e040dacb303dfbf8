/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel has, and no sandbox refuses: for tests of what the library
 * cannot do without. The library itself finds out by trying.
 */
#ifndef TESTS_OFFERS_H
#define TESTS_OFFERS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

/*
 * Takes the result of a call whose arguments make no sense: whether it failed for
 * that reason. If not, prints what is not tested.
 */
static inline bool offers(const char *name, long r)
{
	if (r >= 0 || (errno != ENOSYS && errno != EPERM))
		return true;
	fprintf(stderr, "skipped: there is no %s here\n", name);
	return false;
}

/* Where the library was built without it, too, it is not there. */
static inline bool offers_pidfds(void)
{
#ifdef HAVE_PIDFD
	return offers("pidfd_open", syscall(SYS_pidfd_open, -1, 0));
#else
	return false;
#endif
}

static inline bool offers_clone3(void)
{
#ifdef SYS_clone3
	return offers("clone3", syscall(SYS_clone3, NULL, 0));
#else
	return false;
#endif
}

static inline bool offers_execveat(void)
{
#ifdef SYS_execveat
	return offers("execveat", syscall(SYS_execveat, -1, "", NULL, NULL, 0));
#else
	return true;
#endif
}

/* Which libevent uses, and cannot do without. */
static inline bool offers_sendfile(void)
{
#ifdef __linux__
	return offers("sendfile", syscall(SYS_sendfile, -1, -1, NULL, 1));
#else
	return true;
#endif
}

static inline bool offers_openat2(void)
{
#ifdef SYS_openat2
	return offers("openat2", syscall(SYS_openat2, -1, "", NULL, 0));
#else
	return false;
#endif
}

#endif
