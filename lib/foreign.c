/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport over a bufferevent that somebody else made, and through whose
 * own buffers all must go. What is put in its output is counted when it has
 * left there, and is little enough that an operation which ends early has not
 * promised much.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "foreign.h"

/* A record of TLS. */
#define PIECE_MAX 16384

static struct evbuffer *input_of(const struct af_file *file)
{
	return bufferevent_get_input(file->foreign.bev);
}

static short event_of(enum afi_direction direction)
{
	return direction == AFI_READ ? EV_READ : EV_WRITE;
}

static ssize_t foreign_read(struct af_file *file, void *buf, size_t len)
{
	ssize_t n = evbuffer_remove(input_of(file), buf, len);

	if (n > 0)
		return n;
	if (file->foreign.error)
		return file->foreign.error;
	return file->foreign.ended ? 0 : -EAGAIN;
}

static ssize_t foreign_write(struct af_file *file, const struct iovec *iov,
			     int n)
{
	struct evbuffer *out = bufferevent_get_output(file->foreign.bev);
	size_t *held = &file->foreign.in_output;
	size_t left, gone;

	if (file->foreign.error)
		return file->foreign.error;
	for (int i = 0; *held == 0 && i < n; i++) {
		size_t piece = iov[i].iov_len;

		piece = piece < PIECE_MAX ? piece : PIECE_MAX;
		if (evbuffer_add(out, iov[i].iov_base, piece) < 0)
			return -ENOMEM;
		*held = piece;
	}
	left = evbuffer_get_length(out);
	gone = *held > left ? *held - left : 0;
	*held -= gone;
	return gone > 0 ? (ssize_t)gone : -EAGAIN;
}

static void on_task(struct afi_task *task)
{
	struct af_file *file =
		(void *)((char *)task - offsetof(struct af_file, foreign.task));

	file->drained[AFI_READ] = false;
	if (file->transport)
		afi_file_step(file, AFI_READ);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct af_file *file = arg;
	size_t held;

	file->drained[AFI_READ] = false;
	afi_file_step(file, AFI_READ);
	held = evbuffer_get_length(bufferevent_get_input(bev));
	if (held >= AFI_CHUNK_SIZE && file->wanted[AFI_READ])
		file->transport->unwant(file, AFI_READ);
	else if (held > 0)
		afi_file_settle(file);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct af_file *file = arg;

	(void)bev;
	if (file->wanted[AFI_WRITE])
		file->transport->unwant(file, AFI_WRITE);
	afi_file_step(file, AFI_WRITE);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct af_file *file = arg;
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_EOF)
		file->foreign.ended = true;
	if (what & BEV_EVENT_ERROR)
		file->foreign.error = error ? -error : -EIO;
	if (what & BEV_EVENT_TIMEOUT)
		file->foreign.error = -ETIMEDOUT;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	on_read(bev, file);
	on_write(bev, file);
}

/* Only a plain socket's bufferevent can go to another base. */
static int rebase(struct af_file *file)
{
	struct bufferevent *bev = file->foreign.bev;

	if (bufferevent_get_base(bev) == file->loop->base)
		return 0;
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	return bufferevent_base_set(file->loop->base, bev) ? -ENOTSUP : 0;
}

static int move(struct afi_watch *watch)
{
	struct af_file *file =
		(void *)((char *)watch -
			 offsetof(struct af_file, foreign.watch));
	int r = rebase(file);

	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i])
			bufferevent_enable(file->foreign.bev, event_of(i));
	return r;
}

static int foreign_want(struct af_file *file, enum afi_direction direction)
{
	int r = file->foreign.watch.move ? 0 : rebase(file);

	if (r < 0)
		return r;
	if (bufferevent_enable(file->foreign.bev, event_of(direction)) < 0)
		return -ENOMEM;
	afi_loop_watch(file->loop, &file->foreign.watch, move);
	/* It calls for what comes, not for what is there. */
	if (direction == AFI_READ && evbuffer_get_length(input_of(file)) > 0 &&
	    !file->foreign.task.run)
		afi_loop_ready(file->loop, &file->foreign.task, on_task);
	return 0;
}

static void foreign_unwant(struct af_file *file, enum afi_direction direction)
{
	/* What is in its output must be able to leave. */
	if (direction == AFI_READ)
		bufferevent_disable(file->foreign.bev, EV_READ);
	file->wanted[direction] = false;
	if (!file->wanted[AFI_READ] && !file->wanted[AFI_WRITE])
		afi_watch_stop(&file->foreign.watch);
}

static size_t foreign_held(const struct af_file *file)
{
	return evbuffer_get_length(input_of(file));
}

static int foreign_unread(struct af_file *file, struct evbuffer *buf)
{
	return evbuffer_add_buffer(buf, input_of(file)) ? -ENOMEM : 0;
}

static void foreign_release(struct af_file *file)
{
	struct bufferevent *bev = file->foreign.bev;

	afi_task_cancel(&file->loop->ready, &file->foreign.task);
	afi_watch_stop(&file->foreign.watch);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	if (!file->keep_fd) {
		/* The other end of a pair learns of it in no other way. */
		bufferevent_flush(bev, EV_READ | EV_WRITE, BEV_FINISHED);
		bufferevent_free(bev);
	}
	file->foreign.bev = NULL;
}

void afi_foreign_attach(struct af_file *file, struct bufferevent *bev)
{
	static const struct afi_transport transport = {
		.read = foreign_read,
		.write = foreign_write,
		.want = foreign_want,
		.unwant = foreign_unwant,
		.held = foreign_held,
		.unread = foreign_unread,
		.release = foreign_release,
	};

	file->foreign.bev = bev;
	bufferevent_setcb(bev, on_read, on_write, on_event, file);
	file->transport = &transport;
}
