/* SPDX-License-Identifier: BSD-3-Clause */
/* An evhttp handler that waits for a command. */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct server {
	struct af_loop *loop;
	int ticks; /* of a timer of the program */
	int beats; /* of a chain of the loop */
};

static const struct timeval interval = { .tv_usec = 10000 };

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	server->ticks++;
}

static struct af_future *on_beat(struct af_future *sleep, void *arg)
{
	struct server *server = arg;

	(void)sleep;
	server->beats++;
	return af_then(af_sleep(server->loop, &interval), on_beat, server);
}

/* The replies to other requests wait until this function has returned. */
static void on_request(struct evhttp_request *req, void *arg)
{
	const char *const slow[] = { "sh", "-c", "sleep 1; date", NULL };
	const struct timeval limit = { .tv_sec = 10 };
	const struct af_run_options options = {
		.communicate.timeout = &limit,
	};
	struct server *server = arg;
	int ticks = server->ticks, beats = server->beats;
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	struct af_future *run = af_run(server->loop, slow, &options);
	int r = af_await(run);

	if (r == 0)
		evbuffer_add_printf(body, "%sticks: %d, beats: %d\n",
				    af_future_output(run)->out,
				    server->ticks - ticks,
				    server->beats - beats);
	else
		evbuffer_add_printf(body, "no date: %s\n", strerror(-r));
	evhttp_send_reply(req, r == 0 ? HTTP_OK : HTTP_INTERNAL, NULL, NULL);
	af_future_unref(run);
}

int main(int argc, char *argv[])
{
	ev_uint16_t port = argc > 1 ? (ev_uint16_t)atoi(argv[1]) : 8082;
	struct event_base *base = event_base_new();
	struct server server = { .loop = af_loop_new(base) };
	struct evhttp *http = evhttp_new(base);
	struct event *timer = event_new(base, -1, EV_PERSIST, on_tick, &server);
	int r;

	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	evhttp_set_gencb(http, on_request, &server);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
	if (evhttp_bind_socket(http, "127.0.0.1", port) < 0) {
		perror("bind");
		return 1;
	}
	event_add(timer, &interval);
	af_future_unref(on_beat(NULL, &server));

	r = event_base_dispatch(base);
	event_free(timer);
	evhttp_free(http);
	af_loop_free(server.loop);
	event_base_free(base);
	return r != 0;
}
