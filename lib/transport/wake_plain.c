/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Uses the callbacks of a bufferevent. Bytes that libevent has read before it
 * calls them are in the bufferevent's input, and are returned first. Where
 * libevent must not read, an event is used instead: for messages, for
 * AFIO_UNBUFFERED, where descriptors may come, under a layer, and where only our
 * own read can tell what 0 bytes mean or avoid blocking.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/evbase.h"
#include "transport/descriptor.h"
#include "transport/wake.h"

/* The most bytes that libevent 2.1 reads before it calls back. */
#define LIBEVENT_READ_MAX 4096

struct afi_wake_own {
	int end;		/* 1: end of file; or a negative errno */
	struct event *readable; /* or NULL */
	struct event *by_read;	/* under a layer; or NULL */
};

static short wake_event_of(enum afi_direction direction)
{
	return direction == AFI_READ ? EV_READ : EV_WRITE;
}

static void wake_on_read(struct bufferevent *bev, void *arg)
{
	struct afi_wake *wake = arg;
	struct af_file *file = wake->file;

	(void)bev;
	afi_file_hold(file);
	afi_file_ready(file, AFI_READ);
	/* libevent would read on without a limit. */
	if (file->attached && file->wanted[AFI_READ] &&
	    afi_wake_held(wake) >= file->read_ahead)
		file->transport->unwant(file, AFI_READ);
	afi_file_let_go(file);
}

static void wake_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct afi_wake *wake = arg;

	(void)fd;
	(void)what;
	afi_file_ready(wake->file, AFI_READ);
}

static void wake_on_by_read(evutil_socket_t fd, short what, void *arg)
{
	struct afi_wake *wake = arg;

	(void)fd;
	(void)what;
	afi_file_ready(wake->file, AFI_WRITE);
}

static void wake_on_write(struct bufferevent *bev, void *arg)
{
	struct afi_wake *wake = arg;

	(void)bev;
	/* With an empty output, libevent calls once and then stops. */
	afi_wake_stopped(wake, AFI_WRITE);
	afi_file_ready(wake->file, AFI_WRITE);
}

static void wake_on_event(struct bufferevent *bev, short what, void *arg)
{
	struct afi_wake *wake = arg;
	int error = EVUTIL_SOCKET_ERROR();

	(void)bev;
	if (!(what & BEV_EVENT_READING))
		return;
	/* The descriptor does not report the error again: keep it. */
	if (what & BEV_EVENT_EOF || afi_descriptor_is_end(wake->file, error))
		wake->more->end = 1;
	else
		wake->more->end = -error;
	/* libevent has also stopped reading. */
	afi_wake_stopped(wake, AFI_READ);
	afi_file_ready(wake->file, AFI_READ);
}

static void wake_free_own(struct afi_wake_own *own)
{
	if (own->readable)
		event_free(own->readable);
	if (own->by_read)
		event_free(own->by_read);
	free(own);
}

int afi_wake_open(struct afi_wake *wake, struct af_file *file)
{
	struct event_base *base = file->loop->base;
	struct afi_wake_own *own = calloc(1, sizeof(*own));
	bool peeks = file->is_message || file->is_record || file->is_fifo ||
		     file->is_tty || file->unbuffered || file->keeps_fds ||
		     file->layer;

	if (!own)
		return -ENOMEM;
	if (peeks)
		own->readable =
			afi_event_new(base, file->fd, EV_READ | EV_PERSIST,
				      wake_on_readable, wake);
	if (file->layer)
		own->by_read =
			afi_event_new(base, file->fd, EV_READ | EV_PERSIST,
				      wake_on_by_read, wake);
	if ((!peeks || own->readable) && (!file->layer || own->by_read))
		wake->bev = bufferevent_socket_new(base, -1, 0);
	if (!wake->bev) {
		wake_free_own(own);
		return -ENOMEM;
	}
	/* In debug mode, libevent aborts for a blocking one. */
	wake->bev->ev_read.ev_fd = wake->bev->ev_write.ev_fd = file->fd;
	bufferevent_setcb(wake->bev, wake_on_read, wake_on_write, wake_on_event,
			  wake);
	bufferevent_disable(wake->bev, EV_READ | EV_WRITE);
	wake->file = file;
	wake->more = own;
	return 0;
}

void afi_wake_close(struct afi_wake *wake)
{
	struct bufferevent *bev = wake->bev;

	afi_watch_stop(&wake->watch);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_free(bev);
	wake_free_own(wake->more);
	wake->bev = NULL;
	wake->more = NULL;
}

static int wake_rebase(struct afi_wake *wake)
{
	struct event_base *base = wake->file->loop->base;

	if (wake->more->readable)
		event_base_set(base, wake->more->readable);
	if (wake->more->by_read)
		event_base_set(base, wake->more->by_read);
	return bufferevent_base_set(base, wake->bev) ? -ENOTSUP : 0;
}

/* The event of our own for a direction; NULL: the bufferevent's. */
static struct event *wake_own_event(const struct afi_wake *wake,
				    enum afi_direction direction)
{
	if (direction == AFI_READ)
		return wake->more->readable;
	return wake->by_read ? wake->more->by_read : NULL;
}

static int wake_enable(struct afi_wake *wake, enum afi_direction direction)
{
	struct event *own = wake_own_event(wake, direction);

	if (own)
		return event_add(own, NULL) ? -ENOMEM : 0;
	return bufferevent_enable(wake->bev, wake_event_of(direction)) ? -ENOMEM
								       : 0;
}

int afi_wake_only(struct afi_wake *wake)
{
	struct af_file *file = wake->file;
	bool wanted = file->wanted[AFI_READ];

	if (wake->more->readable)
		return 0;
	wake->more->readable =
		afi_event_new(file->loop->base, file->fd, EV_READ | EV_PERSIST,
			      wake_on_readable, wake);
	if (!wake->more->readable)
		return -ENOMEM;
	if (!wanted)
		return 0;
	if (wake_enable(wake, AFI_READ) < 0) {
		event_free(wake->more->readable);
		wake->more->readable = NULL;
		return -ENOMEM;
	}
	bufferevent_disable(wake->bev, EV_READ);
	return 0;
}

void afi_wake_write_by_read(struct afi_wake *wake, bool by_read)
{
	wake->by_read = by_read;
}

int afi_wake_add(struct afi_wake *wake, enum afi_direction direction)
{
	int r = 0;

	/* If the other direction is wanted, it is on the right base. */
	if (!wake->file->wanted[!direction])
		r = wake_rebase(wake);
	return r < 0 ? r : wake_enable(wake, direction);
}

void afi_wake_del(struct afi_wake *wake, enum afi_direction direction)
{
	struct event *own = wake_own_event(wake, direction);

	if (own)
		event_del(own);
	else
		bufferevent_disable(wake->bev, wake_event_of(direction));
}

int afi_wake_move(struct afi_wake *wake)
{
	const bool *wanted = wake->file->wanted;
	int r;

	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (wanted[i])
			afi_wake_del(wake, i);
	r = wake_rebase(wake);
	for (int i = AFI_READ; i <= AFI_WRITE && r == 0; i++)
		if (wanted[i])
			r = wake_enable(wake, i);
	return r;
}

/*
 * Whether libevent's read event is queued, so that it will read soon. If we
 * take the bytes first, that read blocks on a blocking socket.
 */
static bool wake_is_about_to_read(const struct afi_wake *wake)
{
	const struct event *event = &wake->bev->ev_read;

	return wake->file->is_socket &&
	       event->ev_evcallback.evcb_flags & EVLIST_ACTIVE;
}

ssize_t afi_wake_read(struct afi_wake *wake, void *buf, size_t len)
{
	struct evbuffer *input = bufferevent_get_input(wake->bev);
	int *end = &wake->more->end;
	ssize_t n = 0, r;

	if (evbuffer_get_length(input) > 0) {
		n = evbuffer_remove(input, buf, len);
		if (n < LIBEVENT_READ_MAX || (size_t)n == len)
			return n;
	}
	if (wake_is_about_to_read(wake)) {
		bufferevent_disable(wake->bev, EV_READ);
		bufferevent_enable(wake->bev, EV_READ);
	}
	if (*end)
		r = *end < 0 ? *end : 0;
	else
		r = afi_descriptor_read(wake->file, (char *)buf + n,
					len - (size_t)n);
	if (n > 0)
		return r > 0 ? n + r : n; /* the next call reports it */
	if (r < 0)
		*end = 0; /* report it once */
	return r;
}

size_t afi_wake_held(const struct afi_wake *wake)
{
	size_t len = evbuffer_get_length(bufferevent_get_input(wake->bev));

	/* A kept error counts: the descriptor does not have it any more. */
	return len + (wake->more->end < 0) + wake_is_about_to_read(wake);
}

int afi_wake_move_held(struct afi_wake *wake, struct evbuffer *buf)
{
	struct evbuffer *input = bufferevent_get_input(wake->bev);

	return evbuffer_add_buffer(buf, input) ? -ENOMEM : 0;
}
