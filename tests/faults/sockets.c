/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of sockets and names.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>

#include "faults/wrap.h"

#define NO_SOCKET (NO_DESCRIPTOR | ON(ENOBUFS) | ON(EACCES))

WRAP(int, socket, (int domain, int type, int protocol),
     (domain, type, protocol), NO_SOCKET, 0)
WRAP(int, socketpair, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds), NO_SOCKET, 0)
WRAP(int, bind, (int fd, const struct sockaddr *to, socklen_t len),
     (fd, to, len), ON(EADDRINUSE) | ON(EACCES), 0)
WRAP(int, listen, (int fd, int backlog), (fd, backlog), ON(EADDRINUSE), 0)

/* Interrupted, it goes on nevertheless. */
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	enum fault f = MEET(connect, ON(ENETUNREACH) | ON(EPERM), ON(EINTR));

	if (f == FAULT_NONE)
		return connect(fd, to, len);
	if (f == FAULT_EINTR && connect(fd, to, len) < 0 &&
	    errno != EINPROGRESS)
		return -1;
	return faults_fail(f);
}

#define NOT_ACCEPTED (ON(EINTR) | ON(EAGAIN) | ON(ECONNABORTED))

WRAP(int, accept, (int fd, struct sockaddr *from, socklen_t *len),
     (fd, from, len), NO_DESCRIPTOR, NOT_ACCEPTED)
WRAP(int, accept4, (int fd, struct sockaddr *from, socklen_t *len, int flags),
     (fd, from, len, flags), NO_DESCRIPTOR, NOT_ACCEPTED)
WRAP(int, getsockopt,
     (int fd, int level, int option, void *value, socklen_t *len),
     (fd, level, option, value, len), ON(ENOMEM), 0)
WRAP(int, setsockopt,
     (int fd, int level, int option, const void *value, socklen_t len),
     (fd, level, option, value, len), ON(ENOMEM) | ON(EPERM), 0)
/* The kernel has what these ask for. */
WRAP(int, getsockname, (int fd, struct sockaddr *to, socklen_t *len),
     (fd, to, len), 0, 0)
WRAP(int, getpeername, (int fd, struct sockaddr *to, socklen_t *len),
     (fd, to, len), 0, 0)
WRAP(int, shutdown, (int fd, int how), (fd, how), ON(ENOTCONN), 0)

static int name_code(enum fault f)
{
	errno = faults_errno(f);
	return f == FAULT_EAI_AGAIN    ? EAI_AGAIN
	       : f == FAULT_EAI_MEMORY ? EAI_MEMORY
				       : EAI_SYSTEM;
}

#define NO_NAME (ON(EAI_AGAIN) | ON(EAI_MEMORY) | ON(EAI_SYSTEM))

int __wrap_getaddrinfo(const char *host, const char *service,
		       const struct addrinfo *hints, struct addrinfo **ret);
int __wrap_getaddrinfo(const char *host, const char *service,
		       const struct addrinfo *hints, struct addrinfo **ret)
{
	enum fault f = MEET(getaddrinfo, NO_NAME, 0);

	return f != FAULT_NONE ? name_code(f)
			       : getaddrinfo(host, service, hints, ret);
}

int __wrap_getnameinfo(const struct sockaddr *at, socklen_t len, char *host,
		       socklen_t host_len, char *service, socklen_t service_len,
		       int flags);
int __wrap_getnameinfo(const struct sockaddr *at, socklen_t len, char *host,
		       socklen_t host_len, char *service, socklen_t service_len,
		       int flags)
{
	enum fault f = MEET(getnameinfo, NO_NAME, 0);

	return f != FAULT_NONE ? name_code(f)
			       : getnameinfo(at, len, host, host_len, service,
					     service_len, flags);
}
