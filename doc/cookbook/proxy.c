/* SPDX-License-Identifier: BSD-3-Clause */
/* Passes what clients send to a server, and its answers back. */

#include <asyncfile.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct proxy {
	struct af_loop *loop;
	struct af_listener *listener;
	const char *host, *service; /* of the server */
};

struct relay {
	struct af_file *client, *server;
};

enum { COPIED, IDLE, N };

static void on_end(struct af_future *done, void *arg)
{
	struct relay *relay = arg;
	const char *why = af_connect_error(done);
	int r = af_future_error(done);

	if (r < 0)
		fprintf(stderr, "a connection failed: %s\n",
			*why ? why : strerror(-r));
	af_file_close(relay->client);
	af_file_close(relay->server);
	free(relay);
}

static struct af_future *on_connected(struct af_future *connect, void *arg)
{
	const struct timeval silence = { .tv_sec = 600 };
	struct relay *relay = arg;
	struct af_future *ends[N];

	relay->server = af_future_take_file(connect);
	ends[COPIED] = af_file_copy_both(relay->client, relay->server, NULL);
	ends[IDLE] = af_file_idle(relay->client, &silence);
	return af_race(af_future_loop(connect), ends, N);
}

static int on_client(struct af_file *client, void *arg)
{
	const struct timeval limit = { .tv_sec = 5 };
	struct proxy *proxy = arg;
	struct relay *relay = malloc(sizeof(*relay));

	if (!relay) {
		af_file_close(client);
		return 0;
	}
	*relay = (struct relay){ .client = client };
	af_on_done(af_then(af_connect(proxy->loop, proxy->host, proxy->service,
				      NULL, &limit),
			   on_connected, relay),
		   on_end, relay);
	return 0;
}

/* The last client has left, or the grace period is over. */
static void on_stopped(struct af_future *stopped, void *arg)
{
	struct proxy *proxy = arg;

	(void)stopped;
	af_loop_stop(proxy->loop);
}

static void on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	const struct timeval grace = { .tv_sec = 60 };
	struct proxy *proxy = arg;

	(void)sig;
	(void)what;
	af_on_done(af_listener_stop(proxy->listener, &grace), on_stopped,
		   proxy);
}

int main(int argc, char *argv[])
{
	const struct af_listen_options options = { .max_connections = 400 };
	struct proxy proxy = { .loop = af_loop_new(NULL) };
	struct event *sigterm;
	struct af_future *each;
	int r = -1;

	if (argc != 5) {
		fprintf(stderr, "usage: proxy HOST PORT TO-HOST TO-PORT\n");
		return 2;
	}
	proxy.host = argv[3];
	proxy.service = argv[4];
	proxy.listener = af_listen(proxy.loop, argv[1], argv[2], &options);
	each = af_listener_each(proxy.listener, on_client, &proxy);
	sigterm = evsignal_new(af_loop_base(proxy.loop), SIGTERM, on_sigterm,
			       &proxy);
	if (!proxy.listener)
		fprintf(stderr, "%s\n", af_listen_error(proxy.loop));
	else if (sigterm && event_add(sigterm, NULL) == 0)
		r = af_loop_run(proxy.loop);
	af_future_unref(each);
	af_listener_close(proxy.listener);
	if (sigterm)
		event_free(sigterm);
	af_loop_free(proxy.loop); /* ends what is left, by on_end() */
	return r < 0;
}
