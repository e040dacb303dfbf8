/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wakeup by eventfd(2): one descriptor.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/wakeup.h"

int afi_wakeup_open(struct afi_wakeup *wakeup)
{
	int fd = afi_fd_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));

	if (fd < 0)
		return fd;
	*wakeup = (struct afi_wakeup){ fd, -1 };
	return 0;
}

void afi_wakeup_close(struct afi_wakeup *wakeup)
{
	close(wakeup->fd);
}

void afi_wakeup_raise(const struct afi_wakeup *wakeup)
{
	const uint64_t one = 1;

	while (write(wakeup->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void afi_wakeup_clear(const struct afi_wakeup *wakeup)
{
	uint64_t count;

	/* It counts from zero again; EAGAIN, when it was zero, is fine. */
	while (read(wakeup->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}
