/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Disk to socket by sendfile(2); all else by splice(2), which wants a pipe.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>

#include "base/fd.h"
#include "base/sigpipe.h"
#include "file/splice.h"

bool afi_splice_may(const struct af_file *from, const struct af_file *to)
{
	return from->transport->can_splice && to->transport->can_splice &&
	       from->transport->can_splice(from, AFI_READ) &&
	       to->transport->can_splice(to, AFI_WRITE);
}

ssize_t afi_splice(struct af_file *from, struct af_file *to, size_t len)
{
	struct afi_sigpipe_hold hold;
	bool cut_short;
	ssize_t r;

	/* Neither call has a flag against SIGPIPE. */
	afi_sigpipe_hold(&hold);
	do {
		if (from->transport->always_ready && to->is_socket)
			r = sendfile(to->fd, from->fd, NULL, len);
		else
			r = splice(from->fd, NULL, to->fd, NULL, len,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		r = r < 0 ? -errno : r;
	} while (r == -EINTR);
	/* They send in pieces: after SIGPIPE the result is what went before. */
	cut_short = to->is_socket && r > 0 && (size_t)r < len;
	afi_sigpipe_release(&hold, cut_short ? -EPIPE : (int)(r < 0 ? r : 0));
	if (r == 0 && from->is_fifo && afi_fifo_is_early(from->fd))
		return -EAGAIN;
	return r == -ECONNRESET && to->is_socket ? -EPIPE : r;
}
