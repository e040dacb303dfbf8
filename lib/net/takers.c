/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accepts connections and gives them to those who wait, in turn. The loop runs
 * from the ready queue, because a filter and those who wait may run code of the
 * program.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "base/container.h"
#include "net/acceptfd.h"
#include "net/listen_fds.h"
#include "net/listener_events.h"
#include "net/socket.h"
#include "net/takers.h"
#include "transport/new.h"

/* How many connections are accepted before other tasks have their turn. */
#define BATCH_MAX 32
/* How many are accepted in calls of the program, without a poll. */
#define QUICK_MAX 32
/* How many a filter may turn away after the deadline of one who waits. */
#define MISSED_MAX 32
/* How many errors of connections in a row: then something else is wrong. */
#define PASS_MAX 32

/* A socket has a connection; the next one has the next turn. */
static void takers_arrive(struct af_listener *listener, int fd)
{
	struct afi_arrival *arrival = &listener->arrival;

	arrival->fd = fd;
	arrival->type = listener->sockets[listener->next].bound.type;
	arrival->passed = !listener->filter;
	listener->next = (listener->next + 1) % listener->n;
	afi_socket_tune(fd, listener->no_delay, listener->keep_alive);
	if (listener->stopping)
		listener->drain_left--;
}

/* accept(2), which must not wait: the descriptor; or -errno. */
static int takers_call(struct af_listener *listener,
		       struct afi_listening *socket)
{
	int r = socket->given ? afi_listen_fds_unblock(socket) : 0;

	return r < 0 ? r
		     : afi_acceptfd(socket->bound.fd, &listener->arrival.peer);
}

/* Sees to it that there is one: 0; -EAGAIN: none; another -errno. */
static int takers_accept(struct af_listener *listener)
{
	struct afi_listening *socket;
	int r = -EAGAIN, passed = 0;

	if (listener->arrival.fd >= 0)
		return 0;
	if (listener->stopping && listener->drain_left == 0)
		return -EAGAIN;
	for (size_t idle = 0; idle < listener->n; idle++) {
		socket = &listener->sockets[listener->next];
		r = -EAGAIN;
		while (socket->ready && passed < PASS_MAX) {
			r = takers_call(listener, socket);
			if (!afi_acceptfd_passes(r))
				break;
			passed++;
		}
		if (r >= 0)
			takers_arrive(listener, r);
		if (r != -EAGAIN)
			return r < 0 ? r : 0;
		socket->ready = false;
		listener->next = (listener->next + 1) % listener->n;
	}
	return -EAGAIN;
}

static void takers_drop_arrival(struct af_listener *listener)
{
	close(listener->arrival.fd);
	listener->arrival.fd = -1;
}

/* Asks the filter. False: it has turned the connection away, or closed all. */
static bool takers_ask(struct af_listener *listener)
{
	struct afi_arrival *arrival = &listener->arrival;
	struct afi_address peer = arrival->peer;
	struct af_future *f;
	bool keep;

	if (arrival->passed)
		return true;
	f = af_future_ref(afi_listener_taker(listener)->future);
	f->running = listener->asking = true;
	keep = listener->filter(&peer.sa, peer.len, listener->filter_arg);
	f->running = listener->asking = false;
	af_future_unref(f);
	if (arrival->fd < 0)
		return false;
	arrival->passed = keep;
	if (!keep)
		takers_drop_arrival(listener);
	return keep && afi_listener_is_open(listener);
}

/* Makes a file of what has arrived; NULL: no memory, and it stays. */
static struct af_file *takers_make_file(struct af_listener *listener)
{
	struct afi_arrival *arrival = &listener->arrival;
	struct af_file *file =
		afi_file_new_socket(listener->loop, arrival->fd, arrival->type,
				    listener->file_flags);

	if (!file)
		return NULL;
	arrival->fd = -1;
	afi_connections_add(listener->connections, file);
	return file;
}

/* Whether a lack of descriptors or memory was the reason. */
static bool takers_is_lack(int error)
{
	/* So many errors in a row are no single connection's. */
	return error == -EMFILE || error == -ENFILE || error == -ENOBUFS ||
	       error == -ENOMEM || afi_acceptfd_passes(error);
}

static void takers_end_late(struct af_listener *listener, int error)
{
	struct afi_taker *taker, *next;

	for (taker = TAILQ_FIRST(&listener->takers); taker; taker = next) {
		next = TAILQ_NEXT(taker, entry);
		if (taker->late)
			taker->end(taker, error);
	}
}

void afi_takers_end_all(struct af_listener *listener, int error)
{
	struct afi_taker *taker;

	while ((taker = TAILQ_FIRST(&listener->takers)))
		taker->end(taker,
			   error == -ECANCELED && taker->ends_well ? 0 : error);
}

/* Nothing can be accepted now, and why; those who wait do so, or are ended. */
static void takers_wait(struct af_listener *listener, int error)
{
	if (takers_is_lack(error)) {
		takers_end_late(listener, error);
		afi_listener_pause(listener, error);
		return;
	}
	if (error == -EAGAIN) {
		takers_end_late(listener, -ETIMEDOUT);
		error = 0;
		if (!listener->stopping && afi_listener_taker(listener))
			error = afi_listener_want(listener);
	}
	if (error < 0)
		afi_takers_end_all(listener, error);
}

/*
 * The filter has turned one away. Peers may come faster than that, so those whose
 * deadline has passed do not wait for a moment when there is none. They are in
 * front of the others.
 */
static void takers_miss(struct af_listener *listener)
{
	struct afi_taker *taker, *next;

	for (taker = TAILQ_FIRST(&listener->takers); taker && taker->late;
	     taker = next) {
		next = TAILQ_NEXT(taker, entry);
		if (++taker->missed == MISSED_MAX)
			taker->end(taker, -ETIMEDOUT);
	}
}

/* Gives what has arrived to the first one; false: nothing more can be done. */
static bool takers_give(struct af_listener *listener)
{
	struct afi_taker *taker = afi_listener_taker(listener);
	struct af_file *file;

	/* The filter may have ended it: the next one gets the connection. */
	if (!taker)
		return false;
	file = takers_make_file(listener);
	if (!file) {
		takers_wait(listener, -ENOMEM);
		return false;
	}
	/* The others come first the next time. */
	TAILQ_REMOVE(&listener->takers, taker, entry);
	TAILQ_INSERT_TAIL(&listener->takers, taker, entry);
	listener->took = true;
	taker->take(taker, file, &listener->arrival.peer);
	return true;
}

/* One connection. False: nothing more can be done now. */
static bool takers_serve(struct af_listener *listener)
{
	int r;

	if (!afi_listener_is_open(listener))
		return false;
	if (!afi_listener_taker(listener)) {
		afi_listener_settle(listener);
		return false;
	}
	if (listener->paused) {
		takers_end_late(listener, listener->pause_error);
		return false;
	}
	if (afi_listener_is_full(listener)) {
		takers_end_late(listener, -ETIMEDOUT);
		afi_listener_unwant(listener);
		return false;
	}
	r = takers_accept(listener);
	if (r < 0) {
		takers_wait(listener, r);
		return false;
	}
	if (takers_ask(listener))
		return takers_give(listener);
	if (!afi_listener_is_open(listener))
		return false;
	takers_miss(listener);
	return true;
}

/*
 * Whether it is to stop and has accepted what was queued, or nobody takes it.
 * Whoever has just got a connection may ask for another one: his continuation
 * runs before the task does again.
 */
static bool takers_is_drained(struct af_listener *listener)
{
	bool took = listener->took;

	listener->took = false;
	if (!listener->stopping)
		return false;
	if (!TAILQ_EMPTY(&listener->takers))
		return afi_listener_taker(listener) && !listener->paused &&
		       !afi_listener_is_full(listener);
	if (took)
		afi_listener_later(listener);
	return !took;
}

static void takers_work(struct af_listener *listener)
{
	bool more = true;

	for (int n = 0; more && n < BATCH_MAX; n++) {
		more = takers_serve(listener);
		if (!afi_listener_is_open(listener))
			return;
		if (afi_turn_look(&listener->loop->turn))
			break;
	}
	if (more)
		afi_listener_later(listener);
	else if (takers_is_drained(listener))
		listener->on_drained(listener);
}

static void takers_on_task(struct afi_task *task)
{
	struct af_listener *listener =
		AFI_CONTAINER(task, struct af_listener, task);

	listener->quick = 0;
	afi_listener_hold(listener);
	takers_work(listener);
	afi_listener_let_go(listener);
}

void afi_takers_look_again(struct af_listener *listener)
{
	for (size_t i = 0; i < listener->n; i++)
		listener->sockets[i].ready = true;
}

/* Whether a look runs no code of the program, and gives to this one. */
static bool takers_can_try(const struct af_listener *listener,
			   const struct afi_taker *taker)
{
	return !listener->filter && !listener->loop->held &&
	       !listener->stopping && !taker->ends_well &&
	       afi_listener_taker(listener) == taker;
}

void afi_takers_add(struct af_listener *listener, struct afi_taker *taker,
		    struct af_future *f)
{
	taker->listener = listener;
	taker->future = f;
	TAILQ_INSERT_TAIL(&listener->takers, taker, entry);
	listener->work = takers_on_task;
}

void afi_takers_look(struct afi_taker *taker)
{
	struct af_listener *listener = taker->listener;

	if (takers_can_try(listener, taker) && listener->quick++ < QUICK_MAX)
		takers_serve(listener);
	else
		afi_listener_later(listener);
}

void afi_takers_remove(struct afi_taker *taker)
{
	struct af_listener *listener = taker->listener;

	TAILQ_REMOVE(&listener->takers, taker, entry);
	taker->listener = NULL;
	afi_listener_settle(listener);
}

void afi_takers_expire(struct afi_taker *taker)
{
	struct af_listener *listener = taker->listener;

	/* The filter may wait for anything, even for this one. */
	if (listener->asking) {
		taker->end(taker, -ETIMEDOUT);
		return;
	}
	taker->late = true;
	/* A busy program is late: what has arrived by now counts. */
	TAILQ_REMOVE(&listener->takers, taker, entry);
	TAILQ_INSERT_HEAD(&listener->takers, taker, entry);
	afi_takers_look_again(listener);
	if (takers_can_try(listener, taker))
		takers_serve(listener);
	else
		afi_listener_later(listener);
}
