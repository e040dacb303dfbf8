/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * New sockets, and options that several kinds of them have.
 */
#ifndef AFI_NET_SOCKET_H
#define AFI_NET_SOCKET_H

#include <stdbool.h>

/*
 * A socket in non-blocking mode, close-on-exec from its creation, with a number
 * above 2; or -errno.
 */
int afi_socket_new(int family, int type);
/* TCP_NODELAY and SO_KEEPALIVE, where the socket has them. */
void afi_socket_tune(int fd, bool no_delay, bool keep_alive);
/* Lets it be bound to a port where old connections linger. */
void afi_socket_reuse_address(int fd);

#endif
