/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A future that is done when a descriptor is ready. Reads and writes nothing,
 * and changes no flag: poll(2) and libevent only look.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/container.h"
#include "base/evbase.h"
#include "base/fd.h"
#include "future/future.h"

struct wait_fd {
	struct af_future future;
	struct event event;
	struct afi_watch watch;
};

static struct wait_fd *wait_fd_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct wait_fd, future);
}

/* 1: ready, by itself or because it failed; 0: not yet; -EBADF. */
static int wait_fd_look(int fd, short what)
{
	short seen = afi_fd_poll(fd, what == EV_READ ? POLLIN : POLLOUT);

	if (fd < 0 || seen & POLLNVAL)
		return -EBADF;
	return seen != 0;
}

static void wait_fd_finish(struct wait_fd *wait, int error)
{
	/* One that never was on a base is not even assigned. */
	if (wait->watch.move)
		event_del(&wait->event);
	afi_watch_stop(&wait->watch);
	afi_future_finish(&wait->future, error);
}

/* -EBADF, if it was closed and libevent still knows it: the kernel says so. */
static int wait_fd_add(struct wait_fd *wait)
{
	errno = ENOMEM;
	return event_add(&wait->event, NULL) < 0 ? -errno : 0;
}

static void wait_fd_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct wait_fd *wait = arg;

	(void)fd;
	/* In a child by fork(2) it stays off the base. */
	if (afi_loop_is_here(wait->future.loop))
		wait_fd_finish(wait, what & EV_TIMEOUT ? -EBADF : 0);
}

/*
 * Only for lack of memory a move fails. Else the program has closed the
 * descriptor, and its number may be that of the new base: that ends this wait,
 * and holds up no other.
 */
static int wait_fd_move(struct afi_watch *watch)
{
	struct wait_fd *wait = AFI_CONTAINER(watch, struct wait_fd, watch);
	bool ready;
	int r;

	event_del(&wait->event);
	event_base_set(wait->future.loop->base, &wait->event);
	r = wait_fd_add(wait);
	if (r == 0 || r == -ENOMEM || r == -ENOSPC)
		return r;
	ready = wait_fd_look(wait->event.ev_fd, wait->event.ev_events) > 0;
	event_active(&wait->event, ready ? EV_READ : EV_TIMEOUT, 0);
	return 0;
}

static int wait_fd_watch(struct wait_fd *wait, int fd, short what)
{
	struct af_loop *loop = wait->future.loop;
	int r;

	afi_event_assign(&wait->event, loop->base, fd, what, wait_fd_on_event,
			 wait);
	r = wait_fd_add(wait);
	if (r < 0)
		return r;
	afi_loop_watch(loop, &wait->watch, wait_fd_move);
	return 0;
}

static void wait_fd_cancel(struct af_future *f)
{
	wait_fd_finish(wait_fd_of(f), -ECANCELED);
}

/* A busy program is late: what became ready until now counts. */
static void wait_fd_expire(struct af_future *f)
{
	struct wait_fd *wait = wait_fd_of(f);
	int r = wait_fd_look(wait->event.ev_fd, wait->event.ev_events);

	wait_fd_finish(wait, r == 0 ? -ETIMEDOUT : r < 0 ? r : 0);
}

static void wait_fd_describe(const struct af_future *f, FILE *out)
{
	const struct wait_fd *wait =
		AFI_CONTAINER(f, const struct wait_fd, future);

	fprintf(out, " fd %d, to %s", (int)wait->event.ev_fd,
		wait->event.ev_events & EV_READ ? "read" : "write");
}

static const struct afi_future_ops wait_fd_ops = {
	.name = "wait",
	.size = sizeof(struct wait_fd),
	.cancel = wait_fd_cancel,
	.expire = wait_fd_expire,
	.describe = wait_fd_describe,
};

/* Watches it, unless it is ready; a zero timeout ends here. */
static int wait_fd_start(struct wait_fd *wait, int fd, short what,
			 const struct timeval *timeout)
{
	int r = wait_fd_look(fd, what);

	if (r == 0 && afi_timeout_zero(timeout))
		r = -ETIMEDOUT;
	if (r == 0)
		r = wait_fd_watch(wait, fd, what);
	if (r == 0 && afi_future_expire_after(&wait->future, timeout) < 0)
		r = -ENOMEM;
	return r;
}

struct af_future *af_wait_fd(struct af_loop *loop, int fd, short what,
			     const struct timeval *timeout)
{
	bool valid = (what == EV_READ || what == EV_WRITE) &&
		     afi_timeout_valid(timeout);
	struct af_future *f = afi_operation_begin(loop, valid, &wait_fd_ops);
	int r;

	if (f->done)
		return f;
	r = wait_fd_start(wait_fd_of(f), fd, what, timeout);
	if (r != 0)
		wait_fd_finish(wait_fd_of(f), r < 0 ? r : 0);
	return f;
}
