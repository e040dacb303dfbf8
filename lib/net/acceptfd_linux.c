/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accept4(2): the descriptor is close-on-exec and non-blocking from the
 * beginning.
 */
#include "config.h"

#include <errno.h>

#include "net/acceptfd.h"

int afi_acceptfd(int fd, struct afi_address *peer)
{
	int r;

	do {
		peer->len = sizeof(peer->storage);
		r = accept4(fd, &peer->sa, &peer->len,
			    SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return afi_acceptfd_above_stdio(r);
}
