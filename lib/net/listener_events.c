/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The events of a listener: on the base while somebody waits for a connection
 * and one could be accepted. Accepts nothing itself.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "base/evbase.h"
#include "net/listener_events.h"

/* How long it waits for descriptors or memory, if none of its files closes. */
static const struct timeval listener_events_pause = { .tv_usec = 100000 };

void afi_listener_later(struct af_listener *listener)
{
	if (afi_listener_is_open(listener) && !listener->task.run)
		afi_loop_ready(listener->loop, &listener->task, listener->work);
}

static void listener_events_on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct afi_listening *socket = arg;
	struct af_listener *listener = socket->listener;

	(void)fd;
	(void)what;
	socket->ready = true;
	/*
	 * Nobody takes it now, or this is a child by fork(2): or libevent would
	 * call again and again.
	 */
	if (!afi_loop_is_here(listener->loop) || !afi_listener_taker(listener))
		afi_listener_unwant(listener);
	else
		afi_listener_later(listener);
}

static void listener_events_del(struct af_listener *listener)
{
	for (size_t i = 0; i < listener->n; i++)
		event_del(&listener->sockets[i].event);
}

/* All or none; 0 or -ENOMEM. */
static int listener_events_add(struct af_listener *listener)
{
	for (size_t i = 0; i < listener->n; i++) {
		if (event_add(&listener->sockets[i].event, NULL) == 0)
			continue;
		listener_events_del(listener);
		return -ENOMEM;
	}
	return 0;
}

static void listener_events_assign(struct af_listener *listener)
{
	struct event_base *base = listener->loop->base;
	struct afi_listening *socket;

	for (size_t i = 0; i < listener->n; i++) {
		socket = &listener->sockets[i];
		afi_event_assign(&socket->event, base, socket->bound.fd,
				 EV_READ | EV_PERSIST, listener_events_on_ready,
				 socket);
	}
}

static int listener_events_move(struct afi_watch *watch)
{
	struct af_listener *listener =
		AFI_CONTAINER(watch, struct af_listener, watch);

	listener_events_del(listener);
	listener_events_assign(listener);
	return listener_events_add(listener);
}

int afi_listener_want(struct af_listener *listener)
{
	int r;

	if (listener->wanted)
		return 0;
	listener_events_assign(listener);
	r = listener_events_add(listener);
	if (r < 0)
		return r;
	listener->wanted = true;
	afi_loop_watch(listener->loop, &listener->watch, listener_events_move);
	return 0;
}

void afi_listener_unwant(struct af_listener *listener)
{
	if (!listener->wanted)
		return;
	listener->wanted = false;
	listener_events_del(listener);
	afi_watch_stop(&listener->watch);
}

static void listener_events_end_pause(struct af_listener *listener)
{
	if (!listener->paused)
		return;
	listener->paused = false;
	if (listener->pause.loop)
		afi_deadline_stop(&listener->pause);
	listener->pause.loop = NULL;
	afi_task_cancel(&listener->loop->later, &listener->retry);
}

static void listener_events_on_settle(struct afi_task *task)
{
	struct af_listener *listener =
		AFI_CONTAINER(task, struct af_listener, settle);

	if (afi_listener_taker(listener))
		return;
	afi_listener_unwant(listener);
	listener_events_end_pause(listener);
	/* Nothing else would look whether it is drained. */
	if (listener->stopping && TAILQ_EMPTY(&listener->takers))
		afi_listener_later(listener);
}

void afi_listener_settle(struct af_listener *listener)
{
	if (listener->wanted || listener->paused || listener->stopping)
		afi_loop_settle(listener->loop, &listener->settle,
				listener_events_on_settle);
}

static void listener_events_on_deadline(struct afi_deadline *deadline)
{
	afi_listener_resume(AFI_CONTAINER(deadline, struct af_listener, pause));
}

static void listener_events_on_retry(struct afi_task *task)
{
	afi_listener_resume(AFI_CONTAINER(task, struct af_listener, retry));
}

void afi_listener_pause(struct af_listener *listener, int error)
{
	struct af_loop *loop = listener->loop;

	afi_listener_unwant(listener);
	listener->pause_error = error;
	listener->paused = true;
	if (afi_deadline_start(&listener->pause, loop, &listener_events_pause,
			       listener_events_on_deadline) == 0)
		return;
	listener->pause.loop = NULL;
	afi_loop_later(loop, &listener->retry, listener_events_on_retry);
}

void afi_listener_resume(struct af_listener *listener)
{
	if (!listener->attached)
		return;
	listener_events_end_pause(listener);
	afi_listener_later(listener);
}

void afi_listener_rest(struct af_listener *listener)
{
	struct af_loop *loop = listener->loop;

	afi_listener_unwant(listener);
	listener_events_end_pause(listener);
	afi_task_cancel(&loop->ready, &listener->task);
	afi_task_cancel(&loop->settle, &listener->settle);
}
