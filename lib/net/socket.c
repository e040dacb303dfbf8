/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes sockets and sets their options. Binds and connects none.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "net/socket.h"

#ifdef SOCK_CLOEXEC
int afi_socket_new(int family, int type)
{
	return afi_fd_above_stdio(
		socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}
#else
/* As a pipe is made: no child may start in between. */
int afi_socket_new(int family, int type)
{
	int fd;

	afi_pipe_lock();
	fd = afi_fd_above_stdio(socket(family, type, 0));
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	afi_pipe_unlock();
	if (fd >= 0)
		afi_fd_set_nonblock(fd, true);
	return fd;
}
#endif

static void socket_turn_on(int fd, int level, int name)
{
	int on = 1;

	setsockopt(fd, level, name, &on, sizeof(on));
}

void afi_socket_tune(int fd, bool no_delay, bool keep_alive)
{
	if (no_delay)
		socket_turn_on(fd, IPPROTO_TCP, TCP_NODELAY);
	if (keep_alive)
		socket_turn_on(fd, SOL_SOCKET, SO_KEEPALIVE);
}

void afi_socket_reuse_address(int fd)
{
	socket_turn_on(fd, SOL_SOCKET, SO_REUSEADDR);
}
