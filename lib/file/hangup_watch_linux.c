/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hang-ups by an epoll descriptor, which is readable when its own set has an
 * event.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/container.h"
#include "base/evbase.h"
#include "base/fd.h"
#include "file/hangup_watch.h"

int afi_hangup_watch_poll(const struct afi_hangup_watch *watch)
{
	short left = POLLHUP | POLLRDHUP;
	int seen = afi_fd_poll(watch->fd, watch->halves ? POLLRDHUP : 0);

	/* On a pipe: no readers. On a socket: an error, which is no hang-up. */
	if (!watch->is_socket)
		left |= POLLERR;
	return seen & POLLNVAL ? -EBADF : (seen & left) != 0;
}

static void hangup_watch_on_readable(evutil_socket_t ep, short what, void *arg)
{
	struct afi_hangup_watch *watch = arg;
	struct epoll_event event;

	(void)what;
	/* Edge-triggered: take the event, or it would wake us again. */
	epoll_wait(ep, &event, 1, 0);
	watch->changed(watch);
}

static int hangup_watch_arm(const struct afi_hangup_watch *watch, int op)
{
	struct epoll_event event = { .events = EPOLLET };

	if (watch->halves)
		event.events |= EPOLLRDHUP;
	/* A terminal reports a hang-up only together with EPOLLIN. */
	if (watch->is_tty)
		event.events |= EPOLLIN;
	return epoll_ctl(watch->ep, op, watch->fd, &event) < 0 ? -errno : 0;
}

void afi_hangup_watch_rearm(struct afi_hangup_watch *watch)
{
	hangup_watch_arm(watch, EPOLL_CTL_MOD);
}

int afi_hangup_watch_open(struct afi_hangup_watch *watch, struct af_loop *loop)
{
	int r;

	watch->loop = loop;
	watch->ep = epoll_create1(EPOLL_CLOEXEC);
	if (watch->ep < 0)
		return -errno;
	afi_event_assign(&watch->event, loop->base, watch->ep,
			 EV_READ | EV_PERSIST, hangup_watch_on_readable, watch);
	r = hangup_watch_arm(watch, EPOLL_CTL_ADD);
	if (r < 0)
		return r;
	return event_add(&watch->event, NULL) < 0 ? -ENOMEM : 0;
}

void afi_hangup_watch_close(struct afi_hangup_watch *watch)
{
	if (watch->ep < 0)
		return;
	event_del(&watch->event);
	close(watch->ep);
}

int afi_hangup_watch_move(struct afi_hangup_watch *watch)
{
	event_del(&watch->event);
	event_base_set(watch->loop->base, &watch->event);
	return event_add(&watch->event, NULL) < 0 ? -ENOMEM : 0;
}
