/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stops a listener: takes no more than what is queued, closes the sockets, and
 * waits for the files that were accepted.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "net/listener_events.h"
#include "net/takers.h"

struct listener_stop {
	struct af_future future;
	struct afi_other other; /* in the list of its listener */
	struct af_listener *listener;
};

static struct listener_stop *listener_stop_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct listener_stop, future);
}

static void listener_stop_finish(struct af_future *f, int error)
{
	struct listener_stop *stop = listener_stop_of(f);

	f->count = stop->listener->connections->n;
	LIST_REMOVE(&stop->other, entry);
	afi_future_finish(f, error);
}

/* A file was closed, or the sockets: perhaps that was all. */
static void listener_stop_look(struct af_listener *listener)
{
	struct afi_other *other;

	if (!listener->stopped || listener->connections->n > 0)
		return;
	while ((other = LIST_FIRST(&listener->stops)))
		listener_stop_finish(other->future, 0);
}

static void listener_stop_sockets(struct af_listener *listener)
{
	if (listener->stopped)
		return;
	listener->stopped = true;
	afi_listener_rest(listener);
	afi_listener_close_sockets(listener);
	afi_takers_end_all(listener, -ECANCELED);
	listener_stop_look(listener);
}

/* The path goes first, so that nobody connects who would not be accepted. */
static void listener_stop_begin(struct af_listener *listener)
{
	if (listener->stopping)
		return;
	listener->stopping = true;
	listener->drain_left = (size_t)listener->backlog + 1;
	listener->on_drained = listener_stop_sockets;
	listener->on_change = listener_stop_look;
	for (size_t i = 0; i < listener->n; i++)
		afi_bound_remove(&listener->sockets[i].bound);
	afi_takers_look_again(listener);
	if (TAILQ_EMPTY(&listener->takers))
		listener_stop_sockets(listener);
	else
		afi_listener_later(listener);
}

static void listener_stop_cancel(struct af_future *f)
{
	listener_stop_finish(f, -ECANCELED);
}

static void listener_stop_expire(struct af_future *f)
{
	struct af_listener *listener = listener_stop_of(f)->listener;

	af_future_ref(f);
	listener_stop_sockets(listener);
	if (!f->done)
		listener_stop_finish(f, -ETIMEDOUT);
	af_future_unref(f);
}

static size_t listener_stop_progress(const struct af_future *f)
{
	return AFI_CONTAINER(f, const struct listener_stop, future)
		->listener->connections->n;
}

static void listener_stop_describe(const struct af_future *f, FILE *out)
{
	afi_listener_describe(
		AFI_CONTAINER(f, const struct listener_stop, future)->listener,
		out);
	fprintf(out, ", %zu connections left", listener_stop_progress(f));
}

static const struct afi_future_ops listener_stop_ops = {
	.name = "stop",
	.size = sizeof(struct listener_stop),
	.cancel = listener_stop_cancel,
	.expire = listener_stop_expire,
	.progress = listener_stop_progress,
	.describe = listener_stop_describe,
};

struct af_future *af_listener_stop(struct af_listener *listener,
				   const struct timeval *timeout)
{
	bool valid = listener && afi_timeout_valid(timeout);
	struct af_future *f = afi_operation_begin(
		listener ? listener->loop : NULL, valid, &listener_stop_ops);
	struct listener_stop *stop;

	if (f->done)
		return f;
	if (listener->closing) {
		afi_future_finish(f, -ECANCELED);
		return f;
	}
	stop = listener_stop_of(f);
	stop->listener = listener;
	stop->other.future = f;
	LIST_INSERT_HEAD(&listener->stops, &stop->other, entry);
	f->since = afi_now_coarse();
	listener_stop_begin(listener);
	listener_stop_look(listener);
	if (afi_future_limit(f, timeout) < 0)
		listener_stop_finish(f, -ENOMEM);
	return f;
}
