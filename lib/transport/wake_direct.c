/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Uses the events of a disabled bufferevent with our own callbacks. libevent
 * then reads nothing, and a wake-up costs no extra system call.
 */
#include "config.h"

#include <errno.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/evbase.h"
#include "transport/descriptor.h"
#include "transport/wake.h"

/* libevent needs the bufferevent as its events' argument when freeing it. */
static void wake_on_readable(evutil_socket_t fd, short what, void *bev)
{
	(void)fd;
	(void)what;
	afi_file_ready(((struct bufferevent *)bev)->cbarg, AFI_READ);
}

static void wake_on_writable(evutil_socket_t fd, short what, void *bev)
{
	(void)fd;
	(void)what;
	afi_file_ready(((struct bufferevent *)bev)->cbarg, AFI_WRITE);
}

/*
 * During a nested wait, a file's events stay on the home base, which nobody
 * polls; wanted directions have other events on the base of the wait. So
 * nothing needs to move back afterwards.
 */
struct afi_wake_own {
	struct event event[2]; /* by direction; at least one is added */
};

static void wake_assign(struct event *event, struct event_base *base,
			struct afi_wake *wake, enum afi_direction direction)
{
	/* libevent finalizes a bufferevent's events with it. */
	const short flags = EV_PERSIST | EV_FINALIZE;
	int fd = wake->file->fd;
	short what = wake->by_read ? EV_READ : EV_WRITE;

	if (direction == AFI_READ)
		afi_event_assign(event, base, fd, EV_READ | flags,
				 wake_on_readable, wake->bev);
	else
		afi_event_assign(event, base, fd, what | flags,
				 wake_on_writable, wake->bev);
}

static struct event *wake_home_event(const struct afi_wake *wake,
				     enum afi_direction direction)
{
	struct bufferevent *bev = wake->bev;

	return direction == AFI_READ ? &bev->ev_read : &bev->ev_write;
}

int afi_wake_open(struct afi_wake *wake, struct af_file *file)
{
	struct event_base *home = file->loop->home;
	/* Without it: in debug mode, libevent aborts for a blocking one. */
	struct bufferevent *bev = bufferevent_socket_new(home, -1, 0);

	if (!bev)
		return -ENOMEM;
	bufferevent_setcb(bev, NULL, NULL, NULL, file);
	wake->file = file;
	wake->bev = bev;
	wake_assign(&bev->ev_read, home, wake, AFI_READ);
	wake_assign(&bev->ev_write, home, wake, AFI_WRITE);
	return 0;
}

void afi_wake_close(struct afi_wake *wake)
{
	afi_watch_stop(&wake->watch);
	afi_wake_del(wake, AFI_READ);
	afi_wake_del(wake, AFI_WRITE);
	bufferevent_free(wake->bev);
	wake->bev = NULL;
}

static void wake_drop_away(struct afi_wake *wake)
{
	struct afi_wake_own *away = wake->more;

	if (!away)
		return;
	event_del(&away->event[AFI_READ]);
	event_del(&away->event[AFI_WRITE]);
	afi_block_put(afi_loop_pool(wake->file->loop), away, sizeof(*away));
	wake->more = NULL;
}

static int wake_make_away(struct afi_wake *wake)
{
	struct af_loop *loop = wake->file->loop;
	struct afi_wake_own *away = afi_block_get(&loop->pool, sizeof(*away));

	if (!away)
		return -ENOMEM;
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		wake_assign(&away->event[i], loop->base, wake, i);
	wake->more = away;
	return 0;
}

static void wake_drop_idle_away(struct afi_wake *wake)
{
	struct afi_wake_own *away = wake->more;
	const short any = EV_READ | EV_WRITE;

	if (away && !event_pending(&away->event[AFI_READ], any, NULL) &&
	    !event_pending(&away->event[AFI_WRITE], any, NULL))
		wake_drop_away(wake);
}

int afi_wake_only(struct afi_wake *wake)
{
	(void)wake;
	return 0;
}

void afi_wake_write_by_read(struct afi_wake *wake, bool by_read)
{
	const struct af_loop *loop = wake->file->loop;

	wake->by_read = by_read;
	wake_assign(&wake->bev->ev_write, loop->home, wake, AFI_WRITE);
	if (wake->more)
		wake_assign(&wake->more->event[AFI_WRITE], loop->base, wake,
			    AFI_WRITE);
}

int afi_wake_add(struct afi_wake *wake, enum afi_direction direction)
{
	struct event *event = wake_home_event(wake, direction);
	const struct af_loop *loop = wake->file->loop;

	if (loop->base != loop->home) {
		if (!wake->more && wake_make_away(wake) < 0)
			return -ENOMEM;
		event = &wake->more->event[direction];
	}
	if (event_add(event, NULL) == 0)
		return 0;
	wake_drop_idle_away(wake);
	return -ENOMEM;
}

void afi_wake_del(struct afi_wake *wake, enum afi_direction direction)
{
	event_del(wake_home_event(wake, direction));
	if (!wake->more)
		return;
	event_del(&wake->more->event[direction]);
	wake_drop_idle_away(wake);
}

int afi_wake_move(struct afi_wake *wake)
{
	int r = 0;

	wake_drop_away(wake);
	for (int i = AFI_READ; i <= AFI_WRITE && r == 0; i++)
		if (wake->file->wanted[i])
			r = afi_wake_add(wake, i);
	return r;
}

ssize_t afi_wake_read(struct afi_wake *wake, void *buf, size_t len)
{
	return afi_descriptor_read(wake->file, buf, len);
}

size_t afi_wake_held(const struct afi_wake *wake)
{
	(void)wake;
	return 0;
}

int afi_wake_move_held(struct afi_wake *wake, struct evbuffer *buf)
{
	(void)wake;
	(void)buf;
	return 0;
}
