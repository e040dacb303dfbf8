/* SPDX-License-Identifier: BSD-3-Clause */
/* An echo server, which serves its clients to the end when it is stopped. */

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST (64 * 1024) /* bytes that wait for a slow client */

struct server {
	struct evconnlistener *listener;
	struct event *sigterm;
};

/* A client that does not take its bytes sends no more. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *output = bufferevent_get_output(bev);

	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
	if (evbuffer_get_length(output) > MOST)
		bufferevent_disable(bev, EV_READ);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_enable(bev, EV_READ);
}

static void on_last_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_free(bev);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct evbuffer *output = bufferevent_get_output(bev);

	/* Silence may be that of a client that is still being written to. */
	if (what & BEV_EVENT_TIMEOUT && what & BEV_EVENT_READING &&
	    evbuffer_get_length(output) > 0)
		bufferevent_enable(bev, EV_READ);
	else if (what & BEV_EVENT_EOF && evbuffer_get_length(output) > 0)
		bufferevent_setcb(bev, NULL, on_last_written, on_event, arg);
	else
		bufferevent_free(bev);
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *from, int from_len, void *arg)
{
	const struct timeval limit = { .tv_sec = 60 };
	struct bufferevent *bev;

	(void)from;
	(void)from_len;
	bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
				     BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		evutil_closesocket(fd);
		return;
	}
	bufferevent_setcb(bev, on_read, on_written, on_event, arg);
	bufferevent_set_timeouts(bev, &limit, &limit);
	bufferevent_enable(bev, EV_READ);
}

/* Accepts no more clients; the base ends after the last one. */
static void on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	struct server *server = arg;

	(void)sig;
	(void)what;
	evconnlistener_free(server->listener);
	event_del(server->sigterm);
}

int main(int argc, char *argv[])
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	struct event_base *base = event_base_new();
	struct server server;
	int r;

	signal(SIGPIPE, SIG_IGN);
	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	own.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 7));
	server.sigterm = evsignal_new(base, SIGTERM, on_sigterm, &server);
	server.listener = evconnlistener_new_bind(
		base, on_client, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
			LEV_OPT_REUSEABLE,
		-1, (struct sockaddr *)&own, sizeof(own));
	if (!server.listener) {
		perror("bind");
		return 1;
	}
	event_add(server.sigterm, NULL);
	r = event_base_dispatch(base);
	event_free(server.sigterm);
	event_base_free(base);
	return r < 0;
}
