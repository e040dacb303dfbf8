/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accept(2): the descriptor becomes close-on-exec and non-blocking a moment
 * later.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "net/acceptfd.h"

static int acceptfd_call(int fd, struct afi_address *peer)
{
	int r;

	do {
		peer->len = sizeof(peer->storage);
		r = accept(fd, &peer->sa, &peer->len);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	fcntl(r, F_SETFD, FD_CLOEXEC);
	return r;
}

int afi_acceptfd(int fd, struct afi_address *peer)
{
	int r;

	/* No child that is started meanwhile inherits it. */
	afi_pipe_lock();
	r = acceptfd_call(fd, peer);
	afi_pipe_unlock();
	if (r < 0)
		return r;
	afi_fd_set_nonblock(r, true);
	return afi_acceptfd_above_stdio(r);
}
