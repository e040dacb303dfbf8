/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accept(2), of descriptors that are close-on-exec and non-blocking.
 */
#ifndef AFI_NET_ACCEPTFD_H
#define AFI_NET_ACCEPTFD_H

#include "net/address.h"

/*
 * The descriptor of a connection, above 2 where possible, and the address of its
 * other end; -EAGAIN: there is none; another -errno.
 */
int afi_acceptfd(int fd, struct afi_address *peer);
/* Moves a descriptor above 2; if there is no such number, it stays as it is. */
int afi_acceptfd_above_stdio(int fd);
/* Whether an error is of one connection, which is gone, and not of the socket. */
bool afi_acceptfd_passes(int error);

#endif
