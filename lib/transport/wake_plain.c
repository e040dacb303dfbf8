/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The callbacks of a bufferevent. What libevent reads before it calls them is
 * in the bufferevent's input, and handed out first. Where it must not read, a
 * message or what nobody asked for, an event tells that there is something.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "transport/stream.h"
#include "transport/wake.h"

/* What libevent 2.1 reads at most before it calls back. */
#define LIBEVENT_READ_MAX 4096

static short event_of(enum afi_direction direction)
{
	return direction == AFI_READ ? EV_READ : EV_WRITE;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct af_file *file = arg;

	(void)bev;
	afi_stream_ready(file, AFI_READ);
	/* libevent reads on for as long as there is memory: up to here. */
	if (afi_wake_held(file) >= file->read_ahead)
		afi_stream_unwant(file, AFI_READ);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	afi_stream_ready(arg, AFI_READ);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct af_file *file = arg;

	(void)bev;
	/* With nothing in its output libevent calls once, and stops. */
	afi_stream_stopped(file, AFI_WRITE);
	afi_stream_ready(file, AFI_WRITE);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct af_file *file = arg;
	int error = EVUTIL_SOCKET_ERROR();

	(void)bev;
	if (!(what & BEV_EVENT_READING))
		return;
	/* libevent has taken the error from the descriptor: keep it. */
	if (what & BEV_EVENT_EOF || afi_stream_is_end(file, error))
		file->stream.end = 1;
	else
		file->stream.end = -error;
	/* It has also stopped to read. */
	afi_stream_stopped(file, AFI_READ);
	afi_stream_ready(file, AFI_READ);
}

int afi_wake_open(struct af_file *file)
{
	struct bufferevent *bev =
		bufferevent_socket_new(file->loop->base, file->fd, 0);

	if (!bev)
		return -ENOMEM;
	if (file->is_message || file->unbuffered) {
		file->stream.readable =
			event_new(file->loop->base, file->fd,
				  EV_READ | EV_PERSIST, on_readable, file);
		if (!file->stream.readable) {
			bufferevent_free(bev);
			return -ENOMEM;
		}
	}
	bufferevent_setcb(bev, on_read, on_write, on_event, file);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	file->stream.bev = bev;
	return 0;
}

void afi_wake_close(struct af_file *file)
{
	struct bufferevent *bev = file->stream.bev;

	if (file->stream.readable)
		event_free(file->stream.readable);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_free(bev);
	file->stream.bev = NULL;
}

static int rebase(struct af_file *file)
{
	struct bufferevent *bev = file->stream.bev;

	if (file->stream.readable)
		event_base_set(file->loop->base, file->stream.readable);
	return bufferevent_base_set(file->loop->base, bev) ? -ENOTSUP : 0;
}

static int add(struct af_file *file, enum afi_direction direction)
{
	short event = event_of(direction);

	if (direction == AFI_READ && file->stream.readable)
		return event_add(file->stream.readable, NULL) ? -ENOMEM : 0;
	return bufferevent_enable(file->stream.bev, event) ? -ENOMEM : 0;
}

int afi_wake_add(struct af_file *file, enum afi_direction direction)
{
	int r = 0;

	/* With the other one wanted it is where it should be. */
	if (!file->wanted[!direction])
		r = rebase(file);
	return r < 0 ? r : add(file, direction);
}

void afi_wake_del(struct af_file *file, enum afi_direction direction)
{
	if (direction == AFI_READ && file->stream.readable)
		event_del(file->stream.readable);
	else
		bufferevent_disable(file->stream.bev, event_of(direction));
}

int afi_wake_move(struct af_file *file)
{
	int r;

	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i])
			afi_wake_del(file, i);
	r = rebase(file);
	for (int i = AFI_READ; i <= AFI_WRITE && r == 0; i++)
		if (file->wanted[i])
			r = add(file, i);
	return r;
}

/*
 * Whether libevent has seen that there is something, and will read it when it
 * gets to it. If that is gone by then, it waits on a blocking socket for ever.
 */
static bool is_about_to_read(const struct af_file *file)
{
	const struct event *event = &file->stream.bev->ev_read;

	return file->is_socket &&
	       event->ev_evcallback.evcb_flags & EVLIST_ACTIVE;
}

ssize_t afi_wake_read(struct af_file *file, void *buf, size_t len)
{
	struct evbuffer *input = bufferevent_get_input(file->stream.bev);
	ssize_t n = 0, r;

	if (evbuffer_get_length(input) > 0) {
		n = evbuffer_remove(input, buf, len);
		if (n < LIBEVENT_READ_MAX || (size_t)n == len)
			return n;
	}
	if (is_about_to_read(file)) {
		bufferevent_disable(file->stream.bev, EV_READ);
		bufferevent_enable(file->stream.bev, EV_READ);
	}
	if (file->stream.end)
		r = file->stream.end < 0 ? file->stream.end : 0;
	else
		r = afi_stream_read(file, (char *)buf + n, len - (size_t)n);
	if (n > 0)
		return r > 0 ? n + r : n; /* a failure happens again */
	if (r < 0)
		file->stream.end = 0; /* reported once */
	return r;
}

size_t afi_wake_held(const struct af_file *file)
{
	size_t len =
		evbuffer_get_length(bufferevent_get_input(file->stream.bev));

	/* An error, too, is not on the descriptor any more. */
	return len + (file->stream.end < 0) + is_about_to_read(file);
}

int afi_wake_unread(struct af_file *file, struct evbuffer *buf)
{
	struct evbuffer *input = bufferevent_get_input(file->stream.bev);

	return evbuffer_add_buffer(buf, input) ? -ENOMEM : 0;
}
