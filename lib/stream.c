/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of pipes, sockets and terminals. A bufferevent says when;
 * the bytes are moved here, because libevent reads 4096 at a time, raises
 * SIGPIPE on pipes, and sends what is left of a write after its timeout.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "sigpipe.h"
#include "stream.h"

/* What libevent 2.1 reads at most before it calls back. */
#define LIBEVENT_READ_MAX 4096

static ssize_t read_fd(struct af_file *file, void *buf, size_t len)
{
	ssize_t r;

	do {
		if (file->is_socket)
			r = recv(file->fd, buf, len, MSG_DONTWAIT);
		else
			r = read(file->fd, buf, len);
	} while (r < 0 && errno == EINTR);
	if (r >= 0)
		return r;
	/* The other side of a terminal went away: its end of file. */
	if (errno == EIO && file->is_tty)
		return 0;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
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

static ssize_t stream_read(struct af_file *file, void *buf, size_t len)
{
	struct evbuffer *input = bufferevent_get_input(file->stream.bev);
	ssize_t n = 0, r;

	/* First what libevent took to find out that there is something. */
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
		r = read_fd(file, (char *)buf + n, len - (size_t)n);
	if (n > 0)
		return r > 0 ? n + r : n; /* a failure happens again */
	if (r < 0)
		file->stream.end = 0; /* reported once */
	return r;
}

static ssize_t stream_write(struct af_file *file, const struct iovec *iov,
			    int n)
{
	struct msghdr message = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = (size_t)n,
	};
	ssize_t r;

	do {
		if (!file->is_socket) {
			r = afi_sigpipe_writev(file->fd, iov, n);
		} else {
			r = sendmsg(file->fd, &message,
				    MSG_DONTWAIT | MSG_NOSIGNAL);
			r = r < 0 ? -errno : r;
		}
	} while (r == -EINTR);
	/* That the reader went without reading all is said the same way. */
	if (r == -ECONNRESET)
		return -EPIPE;
	return r == -EWOULDBLOCK ? -EAGAIN : r;
}

static short events(const bool wanted[2])
{
	return (short)((wanted[AFI_READ] ? EV_READ : 0) |
		       (wanted[AFI_WRITE] ? EV_WRITE : 0));
}

/* Puts a bufferevent without events on the loop's base of today. */
static int rebase(struct af_file *file)
{
	struct bufferevent *bev = file->stream.bev;

	if (bufferevent_get_base(bev) == file->loop->base)
		return 0;
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	return bufferevent_base_set(file->loop->base, bev) ? -ENOTSUP : 0;
}

static int move(struct afi_watch *watch)
{
	struct af_file *file = (void *)((char *)watch -
					offsetof(struct af_file, stream.watch));
	int r = rebase(file);

	if (r < 0)
		return r;
	return bufferevent_enable(file->stream.bev, events(file->wanted))
		       ? -ENOMEM
		       : 0;
}

/* Not on the base any more: nothing to move. */
static void unwatch(struct af_file *file, enum afi_direction direction)
{
	file->wanted[direction] = false;
	if (!events(file->wanted))
		afi_watch_stop(&file->stream.watch);
}

static int stream_want(struct af_file *file, enum afi_direction direction)
{
	short event = direction == AFI_READ ? EV_READ : EV_WRITE;
	int r = 0;

	/* With the other one wanted it is where it should be. */
	if (!file->stream.watch.move)
		r = rebase(file);
	if (r < 0)
		return r;
	if (bufferevent_enable(file->stream.bev, event) < 0)
		return -ENOMEM;
	afi_loop_watch(file->loop, &file->stream.watch, move);
	return 0;
}

static void stream_unwant(struct af_file *file, enum afi_direction direction)
{
	short event = direction == AFI_READ ? EV_READ : EV_WRITE;

	bufferevent_disable(file->stream.bev, event);
	unwatch(file, direction);
}

static size_t stream_held(const struct af_file *file)
{
	size_t len =
		evbuffer_get_length(bufferevent_get_input(file->stream.bev));

	/* An error, too, is not on the descriptor any more. */
	return len + (file->stream.end < 0) + is_about_to_read(file);
}

static void on_readable(struct af_file *file)
{
	file->drained[AFI_READ] = false;
	afi_file_step(file, AFI_READ);
	/*
	 * What nobody takes stays where it is and holds up more, which libevent
	 * would read for as long as there is memory: after this turn, in which
	 * somebody may yet take it, or when it is much.
	 */
	if (stream_held(file) >= AFI_CHUNK_SIZE && file->wanted[AFI_READ])
		stream_unwant(file, AFI_READ);
	else if (stream_held(file) > 0)
		afi_file_settle(file);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	on_readable(arg);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct af_file *file = arg;

	(void)bev;
	/* With nothing in its output libevent calls once, and stops. */
	unwatch(file, AFI_WRITE);
	afi_file_step(file, AFI_WRITE);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct af_file *file = arg;
	int error = EVUTIL_SOCKET_ERROR();

	(void)bev;
	if (!(what & BEV_EVENT_READING))
		return;
	/* libevent has taken the error from the descriptor: keep it. */
	if (what & BEV_EVENT_EOF || (error == EIO && file->is_tty))
		file->stream.end = 1;
	else
		file->stream.end = -error;
	/* It has also stopped to read. */
	unwatch(file, AFI_READ);
	on_readable(file);
}

static int stream_unread(struct af_file *file, struct evbuffer *buf)
{
	struct evbuffer *input = bufferevent_get_input(file->stream.bev);

	return evbuffer_add_buffer(buf, input) ? -ENOMEM : 0;
}

static void stream_release(struct af_file *file)
{
	afi_watch_stop(&file->stream.watch);
	bufferevent_setcb(file->stream.bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(file->stream.bev, EV_READ | EV_WRITE);
	bufferevent_free(file->stream.bev);
	file->stream.bev = NULL;
}

int afi_stream_attach(struct af_file *file)
{
	static const struct afi_transport transport = {
		.read = stream_read,
		.write = stream_write,
		.want = stream_want,
		.unwant = stream_unwant,
		.held = stream_held,
		.unread = stream_unread,
		.release = stream_release,
	};

	file->stream.bev =
		bufferevent_socket_new(file->loop->base, file->fd, 0);
	if (!file->stream.bev)
		return -ENOMEM;
	bufferevent_setcb(file->stream.bev, on_read, on_write, on_event, file);
	file->transport = &transport;
	return 0;
}
