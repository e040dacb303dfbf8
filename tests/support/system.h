/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What only some systems have, and the way of the others: descriptors that
 * children do not inherit, and larger pipes.
 */
#ifndef TESTS_SYSTEM_H
#define TESTS_SYSTEM_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Systems that have SOCK_CLOEXEC have pipe2(2) and accept4(2), too. */
#ifdef SOCK_CLOEXEC
static inline int cloexec_pipe(int fds[2])
{
	return pipe2(fds, O_CLOEXEC);
}

static inline int cloexec_socket(int domain, int type)
{
	return socket(domain, type | SOCK_CLOEXEC, 0);
}

static inline int cloexec_socketpair(int type, int fds[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds);
}

static inline int cloexec_accept(int fd)
{
	return accept4(fd, NULL, NULL, SOCK_CLOEXEC);
}
#else
static inline int cloexec(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static inline int cloexec_both(int r, const int fds[2])
{
	for (int i = 0; r == 0 && i < 2; i++)
		cloexec(fds[i]);
	return r;
}

static inline int cloexec_pipe(int fds[2])
{
	return cloexec_both(pipe(fds), fds);
}

static inline int cloexec_socket(int domain, int type)
{
	return cloexec(socket(domain, type, 0));
}

static inline int cloexec_socketpair(int type, int fds[2])
{
	return cloexec_both(socketpair(AF_UNIX, type, 0, fds), fds);
}

static inline int cloexec_accept(int fd)
{
	return cloexec(accept(fd, NULL, NULL));
}
#endif

/* Makes room for so many bytes in a pipe. False: not here; prints a line. */
#ifdef F_SETPIPE_SZ
static inline bool enlarge_pipe(int fd, int size)
{
	return fcntl(fd, F_SETPIPE_SZ, size) >= 0;
}
#else
static inline bool enlarge_pipe(int fd, int size)
{
	(void)fd;
	fprintf(stderr, "skipped: no pipe of %d bytes\n", size);
	return false;
}
#endif

#endif
