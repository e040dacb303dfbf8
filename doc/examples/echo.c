/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends every line back to the client that it came from. */

#include <asyncfile.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LINES, SILENCE, N };

/* The next line is not read before the client has taken this one. */
static struct af_future *on_line(const char *line, size_t len, unsigned flags,
				 void *client)
{
	(void)flags;
	return af_file_write(client, line, len, AFIO_FULL, NULL);
}

/* The client has left, says nothing, or has sent a line that is too long. */
static void on_end(struct af_future *first, void *client)
{
	(void)first;
	af_file_close(client);
}

static int on_client(struct af_file *client, void *loop)
{
	const struct timeval limit = { .tv_sec = 60 };
	struct af_future *ends[N];

	ends[LINES] =
		af_file_each_async(client, AFIO_EACH_LINE, on_line, client);
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
	const struct timeval grace = { .tv_sec = 10 };
	struct event *sigterm =
		evsignal_new(af_loop_base(loop), SIGTERM, on_sigterm, listener);
	struct af_future *each, *stop;
	int r;

	event_add(sigterm, NULL);
	each = af_listener_each(listener, on_client, loop);
	r = af_await(each); /* up to SIGTERM */
	if (r < 0)
		fprintf(stderr, "accept: %s\n", strerror(-r));
	stop = af_listener_stop(listener, &grace);
	if (af_await(stop) < 0)
		fprintf(stderr, "%zu clients are cut off\n",
			af_future_count(stop));
	af_future_unref(each);
	af_future_unref(stop);
	event_free(sigterm);
	return r;
}

int main(int argc, char *argv[])
{
	const struct af_listen_options options = { .max_connections = 1000 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_listener *listener;
	int r = -1;

	af_loop_set_file_limit(loop, 4096); /* the longest line */
	listener = af_listen(loop, "localhost", argc > 1 ? argv[1] : "7777",
			     &options);
	if (listener)
		r = serve(loop, listener);
	else
		fprintf(stderr, "%s\n", af_listen_error(loop));
	af_listener_close(listener);
	af_loop_free(loop); /* closes the clients that are left, by on_end() */
	return r < 0;
}
