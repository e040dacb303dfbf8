/* SPDX-License-Identifier: BSD-3-Clause */
/* An echo server, which serves its clients to the end when it is stopped. */

#include <asyncfile.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { COPIED, SILENCE, N };

static void on_end(struct af_future *first, void *client)
{
	(void)first;
	af_file_close(client);
}

static int on_client(struct af_file *client, void *loop)
{
	const struct timeval limit = { .tv_sec = 60 };
	struct af_future *ends[N];

	ends[COPIED] = af_file_copy(client, client, -1, NULL);
	ends[SILENCE] = af_file_idle(client, &limit);
	af_on_done(af_race(loop, ends, N), on_end, client);
	return 0;
}

static void on_sigterm(evutil_socket_t sig, short what, void *listener)
{
	(void)sig;
	(void)what;
	af_future_unref(af_listener_stop(listener, NULL));
}

static int serve(struct af_loop *loop, struct af_listener *listener)
{
	struct event *sigterm =
		evsignal_new(af_loop_base(loop), SIGTERM, on_sigterm, listener);
	struct af_future *each, *stop;
	int r;

	event_add(sigterm, NULL);
	each = af_listener_each(listener, on_client, loop);
	r = af_await(each); /* up to SIGTERM */
	stop = af_listener_stop(listener, NULL);
	if (r == 0)
		r = af_await(stop); /* up to the end of the last client */
	af_future_unref(each);
	af_future_unref(stop);
	event_free(sigterm);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_listener *listener;
	int r = -1;

	listener = af_listen(loop, "127.0.0.1", argc > 1 ? argv[1] : "7", NULL);
	if (listener)
		r = serve(loop, listener);
	else
		fprintf(stderr, "%s\n", af_listen_error(loop));
	if (listener && r < 0)
		fprintf(stderr, "accept: %s\n", strerror(-r));
	af_listener_close(listener);
	af_loop_free(loop);
	return r < 0;
}
