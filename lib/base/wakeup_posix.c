/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wakeup by a pipe with a byte in it.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "base/wakeup.h"

int afi_wakeup_open(struct afi_wakeup *wakeup)
{
	int ends[2], r = afi_pipe_open(ends);

	if (r < 0)
		return r;
	afi_fd_set_nonblock(ends[0], true);
	afi_fd_set_nonblock(ends[1], true);
	*wakeup = (struct afi_wakeup){ ends[0], ends[1] };
	return 0;
}

void afi_wakeup_close(struct afi_wakeup *wakeup)
{
	close(wakeup->raiser);
	close(wakeup->fd);
}

void afi_wakeup_raise(const struct afi_wakeup *wakeup)
{
	/* EAGAIN, of a full pipe, is fine. */
	while (write(wakeup->raiser, "", 1) < 0 && errno == EINTR)
		;
}

void afi_wakeup_clear(const struct afi_wakeup *wakeup)
{
	char bytes[64];
	ssize_t n;

	do
		n = read(wakeup->fd, bytes, sizeof(bytes));
	while (n == sizeof(bytes) || (n < 0 && errno == EINTR));
}
