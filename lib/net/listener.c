/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listener: its parts, and its life. It accepts nothing itself, and knows of
 * operations only that they can be cancelled.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"
#include "base/reserved.h"
#include "net/listener.h"
#include "net/listener_events.h"
#include "transport/new.h"

int afi_listener_check_options(const struct af_listen_options *options)
{
	if (options->backlog < 0 || options->mode & ~0777u ||
	    options->file_flags & AFIO_KEEP_FD ||
	    !afi_file_new_takes(options->file_flags) ||
	    !AFI_RESERVED_CLEAR(options))
		return -EINVAL;
	return 0;
}

/* A file was closed: there may be room, or a descriptor, for another one. */
static void listener_on_change(struct af_listener *listener)
{
	if (listener->on_change)
		listener->on_change(listener);
	if (listener->paused || listener->max_connections)
		afi_listener_resume(listener);
}

struct af_listener *afi_listener_make(struct af_loop *loop, size_t n,
				      const struct af_listen_options *options)
{
	struct af_listener *listener =
		calloc(1, sizeof(*listener) + n * sizeof(listener->sockets[0]));

	if (!listener)
		return NULL;
	listener->connections = afi_connections_new(listener);
	if (!listener->connections) {
		free(listener);
		return NULL;
	}
	listener->connections->changed = listener_on_change;
	listener->loop = loop;
	listener->arrival.fd = -1;
	TAILQ_INIT(&listener->takers);
	LIST_INIT(&listener->stops);
	listener->no_delay = options->no_delay;
	listener->keep_alive = options->keep_alive;
	listener->file_flags = options->file_flags;
	listener->backlog = options->backlog ? options->backlog : SOMAXCONN;
	listener->max_connections = options->max_connections;
	listener->filter = options->filter;
	listener->filter_arg = options->filter_arg;
	listener->n = n;
	for (size_t i = 0; i < n; i++) {
		listener->sockets[i].listener = listener;
		listener->sockets[i].bound.fd = -1;
		listener->sockets[i].ready = true;
	}
	return listener;
}

void afi_listener_discard(struct af_listener *listener)
{
	for (size_t i = 0; i < listener->n; i++)
		afi_nonblock_release(listener->sockets[i].nonblock);
	afi_connections_leave(listener->connections);
	free(listener);
}

static void listener_detach(struct af_listener *listener)
{
	if (!listener->attached)
		return;
	afi_loop_leave(&listener->loop->members, &listener->member);
	afi_listener_rest(listener);
	listener->attached = false;
}

/* The sockets stay open, as files do. */
static void listener_on_orphan(struct afi_member *member)
{
	listener_detach(AFI_CONTAINER(member, struct af_listener, member));
}

void afi_listener_attach(struct af_listener *listener)
{
	listener->attached = true;
	afi_loop_ref(listener->loop);
	afi_loop_join(&listener->loop->members, &listener->member,
		      listener_on_orphan);
}

int afi_listener_check(const struct af_listener *listener)
{
	if (listener->closing)
		return -ECANCELED;
	return listener->stopped ? -EBADF : 0;
}

void afi_listener_hold(struct af_listener *listener)
{
	listener->holds++;
	listener->loop->calls++;
}

static void listener_free(struct af_listener *listener)
{
	afi_connections_leave(listener->connections);
	afi_loop_unref(listener->loop);
	free(listener);
}

void afi_listener_let_go(struct af_listener *listener)
{
	struct af_loop *loop = listener->loop;

	afi_loop_ref(loop);
	if (--listener->holds == 0 && listener->dead)
		listener_free(listener);
	afi_loop_called(loop);
	afi_loop_unref(loop);
}

void afi_listener_close_sockets(struct af_listener *listener)
{
	struct afi_listening *socket;

	for (size_t i = 0; i < listener->n; i++) {
		socket = &listener->sockets[i];
		afi_nonblock_release(socket->nonblock);
		socket->nonblock = NULL;
		afi_bound_close(&socket->bound);
	}
	if (listener->arrival.fd >= 0)
		close(listener->arrival.fd);
	listener->arrival.fd = -1;
}

void afi_listener_describe(const struct af_listener *listener, FILE *out)
{
	char text[AFI_ADDRESS_TEXT];

	fprintf(out, " on %s",
		afi_address_put(text, &listener->sockets[0].bound.address));
}

void af_listener_close(struct af_listener *listener)
{
	struct afi_taker *taker;
	struct afi_other *stop;

	/* A function that runs meanwhile may close it again. */
	if (!listener || listener->closing)
		return;
	afi_loop_split(listener->loop);
	afi_listener_hold(listener);
	listener->closing = true;
	while ((taker = TAILQ_FIRST(&listener->takers)))
		af_future_cancel(taker->future);
	while ((stop = LIST_FIRST(&listener->stops)))
		af_future_cancel(stop->future);
	listener_detach(listener);
	afi_listener_close_sockets(listener);
	listener->dead = true;
	afi_listener_let_go(listener);
}

const struct sockaddr *af_listener_address(const struct af_listener *listener,
					   size_t i, socklen_t *ret_len)
{
	const struct afi_address *address;

	if (!listener || i >= listener->n)
		return NULL;
	address = &listener->sockets[i].bound.address;
	if (ret_len)
		*ret_len = address->len;
	return &address->sa;
}

int af_listener_fd(const struct af_listener *listener, size_t i)
{
	if (!listener || i >= listener->n)
		return -EINVAL;
	return listener->stopped ? -EBADF : listener->sockets[i].bound.fd;
}

size_t af_listener_connections(const struct af_listener *listener)
{
	return listener ? listener->connections->n : 0;
}

struct af_loop *af_listener_loop(const struct af_listener *listener)
{
	return listener ? listener->loop : NULL;
}

void af_listener_set_data(struct af_listener *listener, void *data)
{
	if (listener)
		listener->data = data;
}

void *af_listener_data(const struct af_listener *listener)
{
	return listener ? listener->data : NULL;
}
