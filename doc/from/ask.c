/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers requests in their callback, with what a child says. */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Replies with the square of a number. */
static void reply(struct bufferevent *client, const char *n,
		  struct af_loop *loop)
{
	const char *const argv[] = { "expr", n, "*", n, NULL };
	struct af_future *run = af_run(loop, argv, NULL);

	if (af_await(run) == 0)
		bufferevent_write(client, af_future_output(run)->out,
				  af_future_output(run)->out_len);
	else
		bufferevent_write(client, "error\n", 6);
	af_future_unref(run);
}

static void on_request(struct bufferevent *client, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(client);
	char *n;

	while ((n = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF))) {
		reply(client, n, arg);
		free(n);
	}
}

static void on_reply(struct bufferevent *server, void *arg)
{
	char *line = evbuffer_readln(bufferevent_get_input(server), NULL,
				     EVBUFFER_EOL_LF);

	if (!line)
		return;
	printf("the answer is %s\n", line);
	free(line);
	event_base_loopexit(arg, NULL);
}

int main(void)
{
	struct event_base *base = event_base_new();
	struct af_loop *loop = af_loop_new(base);
	struct bufferevent *client, *server;
	int ends[2], r;

	if (!loop || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return 1;
	evutil_make_socket_nonblocking(ends[0]);
	evutil_make_socket_nonblocking(ends[1]);
	client = bufferevent_socket_new(base, ends[0], BEV_OPT_CLOSE_ON_FREE);
	server = bufferevent_socket_new(base, ends[1], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(client, on_request, NULL, NULL, loop);
	bufferevent_enable(client, EV_READ);
	bufferevent_setcb(server, on_reply, NULL, NULL, base);
	bufferevent_enable(server, EV_READ);
	bufferevent_write(server, "12\n", 3);
	r = event_base_dispatch(base);
	bufferevent_free(client);
	bufferevent_free(server);
	af_loop_free(loop);
	event_base_free(base);
	return r < 0;
}
