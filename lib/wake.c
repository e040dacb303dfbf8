/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The events of a disabled bufferevent, with callbacks of ours: nothing is read
 * but what somebody asked for, and a wake-up costs no system call of its own.
 */
#include "config.h"

#include <errno.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "stream.h"
#include "wake.h"

/* The events' argument must stay the bufferevent, whose end needs it. */
static void on_readable(evutil_socket_t fd, short what, void *bev)
{
	(void)fd;
	(void)what;
	afi_stream_ready(((struct bufferevent *)bev)->cbarg, AFI_READ);
}

static void on_writable(evutil_socket_t fd, short what, void *bev)
{
	(void)fd;
	(void)what;
	afi_stream_ready(((struct bufferevent *)bev)->cbarg, AFI_WRITE);
}

static struct event *event_of(struct af_file *file,
			      enum afi_direction direction)
{
	struct bufferevent *bev = file->stream.bev;

	return direction == AFI_READ ? &bev->ev_read : &bev->ev_write;
}

int afi_wake_open(struct af_file *file)
{
	const short flags = EV_PERSIST | EV_FINALIZE;
	struct event_base *base = file->loop->base;
	struct bufferevent *bev = bufferevent_socket_new(base, file->fd, 0);

	if (!bev)
		return -ENOMEM;
	bufferevent_setcb(bev, NULL, NULL, NULL, file);
	event_assign(&bev->ev_read, base, file->fd, EV_READ | flags,
		     on_readable, bev);
	event_assign(&bev->ev_write, base, file->fd, EV_WRITE | flags,
		     on_writable, bev);
	file->stream.bev = bev;
	return 0;
}

void afi_wake_close(struct af_file *file)
{
	afi_wake_del(file, AFI_READ);
	afi_wake_del(file, AFI_WRITE);
	bufferevent_free(file->stream.bev);
	file->stream.bev = NULL;
}

int afi_wake_add(struct af_file *file, enum afi_direction direction)
{
	return event_add(event_of(file, direction), NULL) ? -ENOMEM : 0;
}

void afi_wake_del(struct af_file *file, enum afi_direction direction)
{
	event_del(event_of(file, direction));
}

int afi_wake_rebase(struct af_file *file)
{
	struct bufferevent *bev = file->stream.bev;

	return bufferevent_base_set(file->loop->base, bev) ? -ENOTSUP : 0;
}

ssize_t afi_wake_read(struct af_file *file, void *buf, size_t len)
{
	return afi_stream_read(file, buf, len);
}

size_t afi_wake_held(const struct af_file *file)
{
	(void)file;
	return 0;
}

int afi_wake_unread(struct af_file *file, struct evbuffer *buf)
{
	(void)file;
	(void)buf;
	return 0;
}
