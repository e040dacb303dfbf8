/* SPDX-License-Identifier: BSD-3-Clause */
/* An HTTP server that sends the output of a command as it comes. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct server {
	struct af_loop *loop;
	const char *const *command;
};

struct stream {
	struct evhttp_request *req;
	struct evbuffer *chunk;
	struct af_process *child;
	struct af_file *client; /* watches the connection, reads nothing */
	struct af_future *sent; /* done when the present chunk is sent */
};

enum { OUTPUT, CLIENT_LEFT, N };

static void on_sent(struct evhttp_connection *connection, void *arg)
{
	struct stream *stream = arg;

	(void)connection;
	af_future_resolve(stream->sent, NULL, NULL);
}

/*
 * Nothing more is read from the child until the client has taken the chunk. A
 * client that takes nothing for too long is given up.
 */
static struct af_future *on_chunk(const char *data, size_t len, unsigned flags,
				  void *arg)
{
	struct stream *stream = arg;
	struct af_loop *loop = af_process_loop(stream->child);
	const struct timeval limit = { .tv_sec = 60 };

	(void)flags;
	if (evbuffer_add(stream->chunk, data, len) < 0)
		return af_failed(loop, -ENOMEM);
	af_future_unref(stream->sent);
	stream->sent = af_future_new(loop, NULL, NULL);
	evhttp_send_reply_chunk_with_cb(stream->req, stream->chunk, on_sent,
					stream);
	return af_with_timeout(af_future_ref(stream->sent), &limit);
}

/* evhttp has noticed that the client has left, and frees the connection. */
static void on_close(struct evhttp_connection *connection, void *arg)
{
	struct stream *stream = arg;

	(void)connection;
	af_file_close(stream->client); /* its hang-up fails */
	stream->client = NULL;
}

/* Kills the child if it is still alive. */
static void stream_free(struct stream *stream)
{
	af_process_free(stream->child);
	af_file_close(stream->client);
	af_future_unref(stream->sent);
	if (stream->chunk)
		evbuffer_free(stream->chunk);
	free(stream);
}

static void on_stopped(struct af_future *stopped, void *arg)
{
	(void)stopped;
	stream_free(arg);
}

/* The output has ended, or the client has left, or the server is ending. */
static void on_end(struct af_future *first, void *arg)
{
	const struct timeval grace = { .tv_sec = 5 };
	struct stream *stream = arg;

	(void)first;
	if (stream->client)
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(stream->req), NULL, NULL);
	evhttp_send_reply_end(stream->req);
	af_on_done(af_process_stop(stream->child, &grace), on_stopped, stream);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	const struct af_spawn_options options = {
		.in.kind = AFIO_NULL,
		.out.kind = AFIO_PIPE,
		.new_group = true,
		.kill_on_free = true, /* when the server ends */
	};
	struct evhttp_connection *connection;
	struct server *server = arg;
	struct stream *stream = calloc(1, sizeof(*stream));
	struct af_future *ends[N];
	int fd;

	if (stream) {
		stream->req = req;
		stream->chunk = evbuffer_new();
		stream->child =
			af_spawn(server->loop, server->command, &options);
	}
	if (!stream || !stream->chunk || !stream->child) {
		if (stream)
			stream_free(stream);
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	connection = evhttp_request_get_connection(req);
	fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
	stream->client = af_file_new(server->loop, fd, AFIO_KEEP_FD);
	evhttp_connection_set_closecb(connection, on_close, stream);
	evhttp_send_reply_start(req, HTTP_OK, NULL);
	ends[OUTPUT] = af_file_each_async(af_process_stdout(stream->child),
					  AFIO_EACH_CHUNK, on_chunk, stream);
	ends[CLIENT_LEFT] = af_file_hangup(stream->client);
	af_on_done(af_race(server->loop, ends, N), on_end, stream);
}

static void on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	af_loop_stop(arg);
}

int main(int argc, char *argv[])
{
	struct event_base *base = event_base_new();
	struct server server = { .loop = af_loop_new(base) };
	struct evhttp *http = evhttp_new(base);
	struct event *sigterm;
	int r = 1;

	if (argc < 3) {
		fprintf(stderr, "usage: http_stream PORT COMMAND [ARG]...\n");
		return 2;
	}
	server.command = (const char *const *)argv + 2;
	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
	evhttp_set_gencb(http, on_request, &server);
	sigterm = evsignal_new(base, SIGTERM, on_sigterm, server.loop);
	if (evhttp_bind_socket(http, "127.0.0.1", (ev_uint16_t)atoi(argv[1])) <
		    0 ||
	    event_add(sigterm, NULL) < 0)
		perror("127.0.0.1");
	else
		r = af_loop_run(server.loop);
	event_free(sigterm);
	af_loop_free(server.loop); /* kills the children that are left */
	evhttp_free(http);
	event_base_free(base);
	return r != 0;
}
