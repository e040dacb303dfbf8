/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Servers on loopback addresses and Unix sockets, for the tests of connections:
 * some that answer, and some that do not.
 */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/system.h"

struct server_address {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
};

/* "/path" and "@name" are Unix sockets, others numbers. */
static inline struct server_address server_at(const char *host, int port)
{
	struct server_address at = { .len = sizeof at.in };
	size_t n = strlen(host);

	if (inet_pton(AF_INET, host, &at.in.sin_addr) == 1) {
		at.in.sin_family = AF_INET;
		at.in.sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, host, &at.in6.sin6_addr) == 1) {
		at.len = sizeof at.in6;
		at.in6.sin6_family = AF_INET6;
		at.in6.sin6_port = htons((uint16_t)port);
	} else {
		ck_assert_uint_lt(n, sizeof at.un.sun_path);
		at.un.sun_family = AF_UNIX;
		memcpy(at.un.sun_path, host, n);
		if (host[0] == '@')
			at.un.sun_path[0] = '\0';
		at.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				     n + (host[0] == '/'));
	}
	return at;
}

/* Whether a new socket can be bound there; *ret is the socket. */
static inline bool server_try(const char *host, int port, int type, int *ret)
{
	struct server_address at = server_at(host, port);
	int fd = cloexec_socket(at.sa.sa_family, type), on = 1;

	ck_assert_int_ge(fd, 0);
	if (at.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, &at.sa, at.len) < 0) {
		ck_assert_msg(errno == EADDRINUSE, "bind %s: %s", host,
			      strerror(errno));
		close(fd);
		return false;
	}
	*ret = fd;
	return true;
}

static inline bool have_ipv6(void)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = cloexec_socket(AF_INET6, SOCK_STREAM);
	bool have = fd >= 0 &&
		    bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

	if (fd >= 0)
		close(fd);
	if (!have)
		fprintf(stderr, "skipped: there is no IPv6\n");
	return have;
}

/* A socket that is bound there; port 0: any. */
static inline int server_bind(const char *host, int port, int type)
{
	int fd = -1;

	ck_assert_msg(server_try(host, port, type, &fd), "%s is in use", host);
	return fd;
}

static inline int server_listen(const char *host, int port, int backlog)
{
	int fd = server_bind(host, port, SOCK_STREAM);

	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

static inline int server_port(int fd)
{
	struct server_address at = { .len = sizeof at.storage };

	ck_assert_int_eq(getsockname(fd, &at.sa, &at.len), 0);
	return ntohs(at.in.sin_port); /* of both families */
}

/* A port of a loopback address at which nobody listens. */
static inline int server_free_port(const char *host)
{
	int fd = server_bind(host, 0, SOCK_STREAM), port = server_port(fd);

	close(fd);
	return port;
}

static inline int server_accept(int listener)
{
	int fd;

	do
		fd = cloexec_accept(listener);
	while (fd < 0 && errno == EINTR);
	ck_assert_msg(fd >= 0, "accept: %s", strerror(errno));
	return fd;
}

/* A connection that is there, or on its way: a nonblocking socket. */
static inline int server_visit(const char *host, int port)
{
	struct server_address at = server_at(host, port);
	int fd = cloexec_socket(at.sa.sa_family, SOCK_STREAM);

	ck_assert_int_ge(fd, 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ck_assert(connect(fd, &at.sa, at.len) == 0 || errno == EINPROGRESS);
	return fd;
}

/*
 * A server that does not answer: its queue is full, and then Linux drops what
 * asks for a connection. accept(2) makes room.
 */
struct server_hole {
	int listener, visitor;
};

/* Makes a bound socket one. */
static inline struct server_hole server_hole(int fd, const char *host)
{
	bool is_unix = host[0] == '/' || host[0] == '@';
	struct server_hole hole = { .listener = fd };
	struct pollfd pollfd = { .events = POLLOUT };

	ck_assert_int_eq(listen(fd, 0), 0);
	hole.visitor = server_visit(host, is_unix ? 0 : server_port(fd));
	pollfd.fd = hole.visitor;
	ck_assert_int_eq(poll(&pollfd, 1, -1), 1);
	return hole;
}

static inline struct server_hole server_dig(const char *host, int port)
{
	return server_hole(server_bind(host, port, SOCK_STREAM), host);
}

static inline void server_fill(struct server_hole *hole)
{
	close(hole->listener);
	close(hole->visitor);
}

/* How many descriptors this process has. */
static inline int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
