/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The work "accept", as far as it is the same for all contenders: a socket that
 * listens, and a child that connects to it.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

int bench_listen(size_t n, struct bench_child *child)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 ||
	    listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		bench_die("listen");
	bench_spawn(child, bench_argv("connect", n, ntohs(at.sin_port)), false);
	return fd;
}

void bench_connected(const struct bench_child *child, size_t seen, size_t n)
{
	bench_expect("connections", seen, n);
	close(child->out);
	bench_reap(child);
}
