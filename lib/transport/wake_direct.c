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

#include "base/evbase.h"
#include "transport/stream.h"
#include "transport/wake.h"

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

/*
 * During a nested wait a file's events on the home base stay where they are,
 * and nobody polls them: what is wanted has others on the base of the wait. So
 * nothing is to be done to come back.
 */
struct afi_away {
	struct event event[2]; /* by direction; at least one is added */
};

static void assign(struct event *event, struct event_base *base,
		   struct bufferevent *bev, enum afi_direction direction)
{
	/* A bufferevent's own are finalized with it. */
	const short flags = EV_PERSIST | EV_FINALIZE;
	evutil_socket_t fd = bufferevent_getfd(bev);

	if (direction == AFI_READ)
		afi_event_assign(event, base, fd, EV_READ | flags, on_readable,
				 bev);
	else
		afi_event_assign(event, base, fd, EV_WRITE | flags, on_writable,
				 bev);
}

static struct event *event_at_home(struct af_file *file,
				   enum afi_direction direction)
{
	struct bufferevent *bev = file->stream.bev;

	return direction == AFI_READ ? &bev->ev_read : &bev->ev_write;
}

int afi_wake_open(struct af_file *file)
{
	struct event_base *home = file->loop->home;
	struct bufferevent *bev = bufferevent_socket_new(home, file->fd, 0);

	if (!bev)
		return -ENOMEM;
	bufferevent_setcb(bev, NULL, NULL, NULL, file);
	assign(&bev->ev_read, home, bev, AFI_READ);
	assign(&bev->ev_write, home, bev, AFI_WRITE);
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

static void drop_away(struct af_file *file)
{
	struct afi_away *away = file->stream.away;

	if (!away)
		return;
	event_del(&away->event[AFI_READ]);
	event_del(&away->event[AFI_WRITE]);
	afi_block_put(afi_loop_pool(file->loop), away, sizeof(*away));
	file->stream.away = NULL;
}

static int make_away(struct af_file *file)
{
	struct afi_away *away = afi_block_get(&file->loop->pool, sizeof(*away));

	if (!away)
		return -ENOMEM;
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		assign(&away->event[i], file->loop->base, file->stream.bev, i);
	file->stream.away = away;
	return 0;
}

static void drop_idle_away(struct af_file *file)
{
	struct afi_away *away = file->stream.away;
	const short any = EV_READ | EV_WRITE;

	if (away && !event_pending(&away->event[AFI_READ], any, NULL) &&
	    !event_pending(&away->event[AFI_WRITE], any, NULL))
		drop_away(file);
}

int afi_wake_add(struct af_file *file, enum afi_direction direction)
{
	struct event *event = event_at_home(file, direction);

	if (file->loop->base != file->loop->home) {
		if (!file->stream.away && make_away(file) < 0)
			return -ENOMEM;
		event = &file->stream.away->event[direction];
	}
	if (event_add(event, NULL) == 0)
		return 0;
	drop_idle_away(file);
	return -ENOMEM;
}

void afi_wake_del(struct af_file *file, enum afi_direction direction)
{
	event_del(event_at_home(file, direction));
	if (!file->stream.away)
		return;
	event_del(&file->stream.away->event[direction]);
	drop_idle_away(file);
}

int afi_wake_move(struct af_file *file)
{
	int r = 0;

	drop_away(file);
	for (int i = AFI_READ; i <= AFI_WRITE && r == 0; i++)
		if (file->wanted[i])
			r = afi_wake_add(file, i);
	return r;
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
