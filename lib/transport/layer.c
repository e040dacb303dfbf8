/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moves the bytes of a file through its layer. What the layer has taken cannot
 * be taken back, so it counts for a write that ends early, and is sent in the
 * background. Knows no operation, and no protocol.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "base/container.h"
#include "base/evbase.h"
#include "file/fill.h"
#include "file/hangup.h"
#include "transport/layer.h"

/* The most bytes that a layer takes before they are sent. */
#define TAKE_MAX 65536

ssize_t afi_layer_read(struct af_file *file, void *buf, size_t len)
{
	struct afi_layer *layer = file->layer;
	size_t n = 0;
	ssize_t r;

	do {
		r = layer->fns->read(layer->arg, (char *)buf + n, len - n);
		n += r > 0 ? (size_t)r : 0;
	} while (r > 0 && n < len);
	layer->dry = r == -EAGAIN;
	/* That may be what a write waits for. */
	if (layer->deaf)
		afi_file_step_later(file);
	if (n > 0)
		return (ssize_t)n; /* the next call reports an end */
	if (r != -EAGAIN) {
		layer->ended = true;
		afi_hangup_seen(file);
	}
	return r;
}

ssize_t afi_layer_fill(struct af_file *file, size_t want)
{
	ssize_t r = afi_fill_by_read(file, want);

	/* The socket is not readable for what the layer holds. */
	if (r > 0)
		file->drained[AFI_READ] = file->layer->dry;
	return r;
}

static void layer_stop(struct afi_layer *layer)
{
	if (!layer->watch.move)
		return;
	event_del(&layer->event);
	afi_watch_stop(&layer->watch);
}

/* 0: all was sent; -EAGAIN; another negative errno, the same from then on. */
static int layer_flush(struct afi_layer *layer)
{
	int r = layer->error;

	if (r == 0)
		r = layer->fns->flush(layer->arg);
	/* The second time, the socket had room for some. */
	if (r == 0 || (r == -EAGAIN && layer->unsent))
		afi_file_note(layer->file, 1);
	layer->unsent = r == -EAGAIN;
	if (r != -EAGAIN)
		layer->error = r;
	if (r == 0)
		layer->counted = false;
	return r;
}

static void layer_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct afi_layer *layer = arg;

	(void)fd;
	(void)what;
	/* In a child by fork(2) it stays off the base. */
	if (!afi_loop_is_here(layer->file->loop) ||
	    layer_flush(layer) != -EAGAIN)
		layer_stop(layer);
}

static int layer_add(struct afi_layer *layer)
{
	struct af_file *file = layer->file;

	afi_event_assign(&layer->event, file->loop->base, file->fd,
			 EV_WRITE | EV_PERSIST, layer_on_writable, layer);
	return event_add(&layer->event, NULL) < 0 ? -ENOMEM : 0;
}

static int layer_move(struct afi_watch *watch)
{
	struct afi_layer *layer = AFI_CONTAINER(watch, struct afi_layer, watch);

	event_del(&layer->event);
	return layer_add(layer);
}

/*
 * Sends in the background what is unsent. Without memory it is sent with the
 * next write, or by af_file_finish().
 */
static void layer_start(struct afi_layer *layer)
{
	if (!layer->unsent || layer->watch.move || layer_add(layer) < 0)
		return;
	afi_loop_watch(layer->file->loop, &layer->watch, layer_move);
}

/* Has the layer take as many bytes as it may; 0, or -errno and it took none. */
static int layer_take(struct afi_layer *layer, const struct iovec *iov, int n)
{
	for (int i = 0; i < n && layer->taken < TAKE_MAX; i++) {
		const char *data = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left > 0 && layer->taken < TAKE_MAX) {
			ssize_t r = layer->fns->write(layer->arg, data, left);

			if (r <= 0 && layer->taken > 0)
				return 0;
			if (r <= 0)
				return r < 0 ? (int)r : -EIO;
			layer->taken += (size_t)r;
			data += r;
			left -= (size_t)r;
		}
	}
	return 0;
}

ssize_t afi_layer_write(struct af_file *file, const struct iovec *iov, int n)
{
	struct afi_layer *layer = file->layer;
	size_t taken;
	int r = layer->finished ? -EPIPE : layer->error;

	if (r == 0 && layer->taken == 0 && layer->unsent)
		r = layer_flush(layer);
	layer->deaf = false;
	if (r == 0 && layer->taken == 0) {
		r = layer_take(layer, iov, n);
		layer->deaf = r == -EAGAIN;
	}
	if (r == 0)
		r = layer_flush(layer);
	if (r == -EAGAIN)
		return r;
	taken = layer->taken;
	layer->taken = 0;
	if (r < 0)
		layer->counted = false; /* this write reports it */
	return r < 0 ? r : (ssize_t)taken;
}

size_t afi_layer_commit(struct af_file *file)
{
	struct afi_layer *layer = file->layer;
	size_t n = layer->taken;

	layer->taken = 0;
	/* What is unsent when the file is closed is lost. */
	if (file->closing)
		return 0;
	if (n > 0 && layer->unsent)
		layer->counted = true;
	layer_start(layer);
	return n;
}

bool afi_layer_is_sending(const struct af_file *file)
{
	return file->layer->unsent;
}

int afi_layer_take_late_error(struct af_file *file)
{
	struct afi_layer *layer = file->layer;
	/* Once nothing is unsent, what still counts was lost. */
	int r = layer->counted ? layer->error : 0;

	layer->counted = false;
	return r;
}

int afi_layer_can_shutdown(const struct af_file *file, int how)
{
	return how == SHUT_WR && file->layer->fns->finish ? 0 : -ENOTSUP;
}

void afi_layer_farewell(struct af_file *file)
{
	struct afi_layer *layer = file->layer;

	if (layer->finished || layer->error)
		return;
	layer->finished = true;
	if (layer->fns->finish && layer->fns->finish(layer->arg) == 0)
		layer_flush(layer);
	layer_start(layer);
	/* It may have received what a read waits for. */
	file->drained[AFI_READ] = false;
	if (!TAILQ_EMPTY(&file->ops[AFI_READ]))
		afi_file_step_later(file);
}

int afi_layer_shutdown(struct af_file *file, int how)
{
	(void)how;
	afi_layer_farewell(file);
	return 0;
}

bool afi_layer_has_left(const struct af_file *file)
{
	return file->layer->ended;
}

void afi_layer_release(struct af_file *file)
{
	struct afi_layer *layer = file->layer;

	/* In a child by fork(2) the connection is its parent's. */
	if (!layer->unsent && afi_loop_is_here(file->loop))
		afi_layer_farewell(file);
	layer_stop(layer);
}

void afi_layer_destroy(struct af_file *file)
{
	struct afi_layer *layer = file->layer;

	if (layer->fns->release)
		layer->fns->release(layer->arg);
	free(layer);
}
