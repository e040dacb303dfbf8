/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hang-ups by poll(2) from time to time. POLLHUP is all that POSIX reports. Where
 * there is no POLLRDHUP, a peer that shut its writing half is noticed only once
 * what it had sent before is read.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/container.h"
#include "base/fd.h"
#include "file/hangup_watch.h"

/* Milliseconds to the first look; then more and more, see the lookout. */
#define FIRST_LOOK 1

#ifdef POLLRDHUP
static bool hangup_watch_half_is_shut(const struct afi_hangup_watch *watch)
{
	return afi_fd_poll(watch->fd, POLLRDHUP) & POLLRDHUP;
}
#else
static bool hangup_watch_half_is_shut(const struct afi_hangup_watch *watch)
{
	char byte;

	return recv(watch->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}
#endif

int afi_hangup_watch_poll(const struct afi_hangup_watch *watch)
{
	short left = POLLHUP, seen = afi_fd_poll(watch->fd, 0);

	/* On a pipe: no readers. On a socket: an error, which is no hang-up. */
	if (!watch->is_socket)
		left |= POLLERR;
	if (seen & POLLNVAL)
		return -EBADF;
	if (seen & left)
		return 1;
	return watch->halves && hangup_watch_half_is_shut(watch);
}

static void hangup_watch_look(struct afi_looked *looked)
{
	struct afi_hangup_watch *watch =
		AFI_CONTAINER(looked, struct afi_hangup_watch, looked);

	watch->changed(watch);
}

int afi_hangup_watch_open(struct afi_hangup_watch *watch, struct af_loop *loop)
{
	watch->loop = loop;
	return afi_lookout_start(loop, &watch->looked, FIRST_LOOK, true,
				 hangup_watch_look);
}

void afi_hangup_watch_close(struct afi_hangup_watch *watch)
{
	if (watch->loop)
		afi_lookout_stop(watch->loop, &watch->looked);
}

void afi_hangup_watch_rearm(struct afi_hangup_watch *watch)
{
	(void)watch;
}

int afi_hangup_watch_move(struct afi_hangup_watch *watch)
{
	(void)watch;
	return 0;
}
