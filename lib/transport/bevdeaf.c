/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a deaf bufferevent is known, and what it would have said.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/fd.h"
#include "transport/bevdeaf.h"
#include "transport/linger.h"

static int bevdeaf_count_queued(struct bufferevent *bev)
{
	return event_base_get_num_events(bufferevent_get_base(bev),
					 EVENT_BASE_COUNT_ACTIVE);
}

static void bevdeaf_on_probe(struct bufferevent *bev, void *arg)
{
	(void)bev;
	*(bool *)arg = true;
}

bool afi_bevdeaf_is(struct bufferevent *bev)
{
	int before = bevdeaf_count_queued(bev);
	bool called = false;

	/* It defers none; or it queues this one, unless one is queued already. */
	bufferevent_setcb(bev, bevdeaf_on_probe, NULL, NULL, &called);
	bufferevent_trigger(bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS);
	return !called && bevdeaf_count_queued(bev) == before;
}

static short bevdeaf_read(struct afi_bev_file *over)
{
	int fd = bufferevent_getfd(over->bev), r;

	/* A wait inside a drain of it, see bevio.c. */
	if (over->draining)
		return 0;
	/* The bytes that libevent has read come first. */
	evbuffer_add_buffer(over->pulled, afi_bev_input(&over->file));
	if (!over->file.attached ||
	    evbuffer_get_length(over->pulled) >= over->file.read_ahead ||
	    !afi_fd_poll(fd, POLLIN))
		return 0;
	r = evbuffer_read(over->pulled, fd, AFI_READ_SIZE);
	if (r > 0)
		return 0;
	if (r == 0)
		return BEV_EVENT_READING | BEV_EVENT_EOF;
	return errno == EAGAIN || errno == EINTR
		       ? 0
		       : BEV_EVENT_READING | BEV_EVENT_ERROR;
}

/* libevent disables what has failed, or was too slow. */
static short bevdeaf_write(struct afi_bev_file *over)
{
	struct bufferevent *bev = over->bev;

	if (bufferevent_get_enabled(bev) & EV_WRITE || afi_unsent(bev) == 0)
		return 0;
	if (!(afi_fd_poll(bufferevent_getfd(bev), POLLOUT) &
	      (POLLERR | POLLHUP)))
		return BEV_EVENT_WRITING | BEV_EVENT_TIMEOUT;
	errno = EPIPE;
	return BEV_EVENT_WRITING | BEV_EVENT_ERROR;
}

short afi_bevdeaf_look(struct afi_bev_file *over)
{
	short what = 0;

	if (over->file.wanted[AFI_READ])
		what = bevdeaf_read(over);
	if (!what && over->file.attached && over->file.wanted[AFI_WRITE])
		what = bevdeaf_write(over);
	return what;
}
