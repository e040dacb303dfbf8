/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections, each with a byte in reply, by evconnlistener and a bufferevent
 * for each.
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "bench.h"

static struct event_base *base;
static size_t to_close;

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_free(bev);
	if (--to_close == 0)
		event_base_loopbreak(base);
}

static void on_error(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	(void)arg;
	bench_die("bufferevent");
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
			  struct sockaddr *from, int len, void *arg)
{
	struct bufferevent *bev =
		bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)listener;
	(void)from;
	(void)len;
	(void)arg;
	bufferevent_setcb(bev, NULL, on_written, on_error, NULL);
	bufferevent_write(bev, "", 1);
}

double accept_all(size_t n, size_t size)
{
	struct bench_child child;
	struct evconnlistener *listener;
	int fd = bench_listen(n, &child);
	double start = bench_now();

	(void)size;
	bench_nonblock(fd);
	base = event_base_new();
	to_close = n;
	listener = evconnlistener_new(base, on_connection, NULL,
				      LEV_OPT_CLOSE_ON_FREE |
					      LEV_OPT_CLOSE_ON_EXEC,
				      0, fd);
	event_base_dispatch(base);
	evconnlistener_free(listener);
	bench_connected(&child, n - to_close, n);
	return bench_now() - start;
}
