/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS by a bufferevent, with its callbacks.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include "tls.h"

static struct event_base *base;

static void on_bytes(struct bufferevent *bev, void *got)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(input);

	evbuffer_drain(input, len);
	*(size_t *)got += len;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what == BEV_EVENT_CONNECTED)
		return;
	if (!(what & BEV_EVENT_EOF))
		bench_die("bufferevent");
	bufferevent_free(bev);
	event_base_loopbreak(base);
}

double tls_in(size_t n, size_t size)
{
	double start = bench_now();
	struct bench_child child;
	struct bufferevent *bev;
	size_t got = 0;

	(void)size;
	base = event_base_new();
	bench_spawn_on_socket(&child, bench_argv("tls", n, 0));
	bench_nonblock(child.out);
	bev = bufferevent_openssl_socket_new(base, child.out, tls_client(),
					     BUFFEREVENT_SSL_CONNECTING,
					     BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, on_bytes, NULL, on_event, &got);
	bufferevent_enable(bev, EV_READ);
	event_base_dispatch(base);
	bench_expect("bytes", got, n);
	bench_reap(&child);
	return bench_now() - start;
}
