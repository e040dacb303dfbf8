/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connects one socket without waiting, and finds out how that ended.
 */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "base/fd.h"
#include "net/attempt.h"
#include "net/socket.h"

/* When a full queue of a Unix socket is tried again for the first time, in ms. */
#define ATTEMPT_AGAIN 1

static bool attempt_is_unix(const struct afi_attempt *attempt)
{
	return attempt->to->sa.sa_family == AF_UNIX;
}

static void attempt_unwatch(struct afi_attempt *attempt)
{
	/* One that never was on a base is not even assigned. */
	if (attempt->watch.move)
		event_del(&attempt->event);
	afi_watch_stop(&attempt->watch);
	afi_lookout_stop(attempt->loop, &attempt->again);
}

void afi_attempt_give(struct afi_attempt *attempt)
{
	attempt->fd = 0;
	attempt->has_path = false;
}

void afi_attempt_stop(struct afi_attempt *attempt)
{
	if (attempt->fd == 0)
		return;
	attempt_unwatch(attempt);
	/* In a child by fork(2) it is the parent's. */
	if (attempt->has_path && afi_loop_is_here(attempt->loop))
		unlink(attempt->from->un.sun_path);
	close(attempt->fd);
	afi_attempt_give(attempt);
}

/* Whether two internet addresses of one family have the same host. */
static bool attempt_same_host(const struct afi_address *a,
			      const struct afi_address *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)&a->storage;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)&b->storage;
	const struct sockaddr_in6 *a6 =
		(const struct sockaddr_in6 *)&a->storage;
	const struct sockaddr_in6 *b6 =
		(const struct sockaddr_in6 *)&b->storage;

	if (a->sa.sa_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) ==
	       0;
}

/* It is in the same place for both families. */
static in_port_t attempt_port(const struct afi_address *address)
{
	return ((const struct sockaddr_in *)&address->storage)->sin_port;
}

/*
 * TCP connects a socket to itself if nobody listens and the system has chosen
 * the port that is asked for as the socket's own.
 */
static bool attempt_is_to_itself(const struct afi_attempt *attempt)
{
	struct afi_address own = { .len = sizeof(own.storage) };
	struct afi_address peer = { .len = sizeof(peer.storage) };

	return attempt->type == SOCK_STREAM && !attempt_is_unix(attempt) &&
	       getsockname(attempt->fd, &own.sa, &own.len) == 0 &&
	       attempt_port(&own) == attempt_port(attempt->to) &&
	       getpeername(attempt->fd, &peer.sa, &peer.len) == 0 &&
	       attempt_same_host(&own, &peer);
}

/* What became of one that is ready. The kernel says an error only once. */
static int attempt_outcome(const struct afi_attempt *attempt)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	if (error == 0 && attempt_is_to_itself(attempt))
		error = ECONNREFUSED;
	return -error;
}

/* The last step. */
static void attempt_end(struct afi_attempt *attempt, int error)
{
	if (error < 0)
		afi_attempt_stop(attempt);
	else
		attempt_unwatch(attempt);
	attempt->ended(attempt, error);
}

static void attempt_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct afi_attempt *attempt = arg;

	(void)fd;
	(void)what;
	/* In a child by fork(2) it stays off the base. */
	if (afi_loop_is_here(attempt->loop))
		attempt_end(attempt, attempt_outcome(attempt));
}

static int attempt_move(struct afi_watch *watch)
{
	struct afi_attempt *attempt =
		AFI_CONTAINER(watch, struct afi_attempt, watch);

	event_del(&attempt->event);
	event_base_set(attempt->loop->base, &attempt->event);
	return event_add(&attempt->event, NULL) < 0 ? -ENOMEM : 0;
}

static int attempt_watch(struct afi_attempt *attempt)
{
	event_assign(&attempt->event, attempt->loop->base, attempt->fd,
		     EV_WRITE, attempt_on_event, attempt);
	if (event_add(&attempt->event, NULL) < 0)
		return -ENOMEM;
	afi_loop_watch(attempt->loop, &attempt->watch, attempt_move);
	return 0;
}

/*
 * 0, or an error: -EINPROGRESS: it goes on by itself; -EAGAIN: the listener's
 * queue is full, of a Unix socket, for which no event is reported.
 */
static int attempt_call(struct afi_attempt *attempt)
{
	const struct afi_address *to = attempt->to;

	if (connect(attempt->fd, &to->sa, to->len) == 0)
		return attempt_is_to_itself(attempt) ? -ECONNREFUSED : 0;
	return errno == EINTR ? -EINPROGRESS : -errno;
}

static void attempt_on_look(struct afi_looked *looked)
{
	struct afi_attempt *attempt =
		AFI_CONTAINER(looked, struct afi_attempt, again);
	int r = attempt_call(attempt);

	if (r == -EAGAIN)
		return;
	afi_lookout_stop(attempt->loop, &attempt->again);
	if (r == -EINPROGRESS)
		r = attempt_watch(attempt);
	if (r < 0 || !attempt->watch.move)
		attempt_end(attempt, r);
}

/* Calls connect(2), and sees to it that the outcome is noticed. */
static int attempt_begin(struct afi_attempt *attempt)
{
	int r = attempt_call(attempt), wait = 0;

	if (r == -EINPROGRESS)
		wait = attempt_watch(attempt);
	if (r == -EAGAIN && attempt_is_unix(attempt)) {
		r = -EINPROGRESS;
		wait = afi_lookout_start(attempt->loop, &attempt->again,
					 ATTEMPT_AGAIN, true, attempt_on_look);
	}
	return wait < 0 ? wait : r;
}

/* A port is not needed before connect(2), which knows better what is free. */
#ifdef IP_BIND_ADDRESS_NO_PORT
static void attempt_choose_port_late(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
}
#else
static void attempt_choose_port_late(int fd)
{
	(void)fd;
}
#endif

/* A source port may be that of other connections, to other addresses. */
static void attempt_share_port(int fd, in_port_t port)
{
	if (port == 0)
		attempt_choose_port_late(fd);
	else
		afi_socket_reuse_address(fd);
}

static int attempt_bind(struct afi_attempt *attempt)
{
	const struct afi_address *from = attempt->from;

	if (!from)
		return 0;
	if (attempt->type == SOCK_STREAM && !attempt_is_unix(attempt))
		attempt_share_port(attempt->fd, attempt_port(from));
	if (bind(attempt->fd, &from->sa, from->len) < 0) {
		attempt->at_source = true;
		return -errno;
	}
	attempt->has_path =
		attempt_is_unix(attempt) && from->un.sun_path[0] != '\0';
	return 0;
}

int afi_attempt_start(struct afi_attempt *attempt)
{
	int r = afi_socket_new(attempt->to->sa.sa_family, attempt->type);

	if (r < 0)
		return r;
	attempt->fd = r;
	afi_socket_tune(attempt->fd, attempt->no_delay, attempt->keep_alive);
	r = attempt_bind(attempt);
	if (r == 0)
		r = attempt_begin(attempt);
	if (r < 0 && r != -EINPROGRESS)
		afi_attempt_stop(attempt);
	return r;
}

int afi_attempt_look(struct afi_attempt *attempt)
{
	int r = -EINPROGRESS;

	if (attempt->again.look)
		r = attempt_call(attempt);
	else if (afi_fd_poll(attempt->fd, POLLOUT))
		r = attempt_outcome(attempt);
	if (r == -EINPROGRESS || r == -EAGAIN)
		return -EINPROGRESS;
	if (r < 0)
		afi_attempt_stop(attempt);
	else
		attempt_unwatch(attempt);
	return r;
}
