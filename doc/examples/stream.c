/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A web server that passes a child's output on as it is written:
 * doc/tutorial.md explains it.
 */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct stream {
	struct af_loop *loop;
	struct evhttp_request *req;
	struct evbuffer *chunk;
	struct af_process *child;
	struct af_file *client; /* watches the connection, reads nothing */
	struct af_future *sent; /* done when the present chunk is sent */
};

static void on_sent(struct evhttp_connection *connection, void *arg)
{
	struct stream *stream = arg;

	(void)connection;
	af_future_resolve(stream->sent, NULL, NULL);
}

/* Nothing more is read from the child until the client has taken the chunk. */
static struct af_future *on_chunk(const char *data, size_t len, unsigned flags,
				  void *arg)
{
	struct stream *stream = arg;

	(void)flags;
	af_future_unref(stream->sent);
	stream->sent = af_future_new(stream->loop, NULL, NULL);
	evbuffer_add(stream->chunk, data, len);
	evhttp_send_reply_chunk_with_cb(stream->req, stream->chunk, on_sent,
					stream);
	return af_future_ref(stream->sent);
}

/* evhttp has noticed that the client has left. */
static void on_close(struct evhttp_connection *connection, void *arg)
{
	struct stream *stream = arg;

	(void)connection;
	af_file_close(stream->client); /* its hang-up fails */
	stream->client = NULL;
}

/* If the client has left, the child is still running: stop it. */
static void on_end(struct af_future *first, void *arg)
{
	struct stream *stream = arg;

	(void)first;
	if (stream->client)
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(stream->req), NULL, NULL);
	af_process_signal(stream->child, SIGTERM);
	evhttp_send_reply_end(stream->req);
	af_process_free(stream->child);
	af_file_close(stream->client);
	af_future_unref(stream->sent);
	evbuffer_free(stream->chunk);
	free(stream);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	const char *const seq[] = { "seq", "1000000", NULL };
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	struct evhttp_connection *connection;
	struct stream *stream = calloc(1, sizeof(*stream));
	struct af_future *ends[2];
	int fd;

	connection = evhttp_request_get_connection(req);
	fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
	stream->loop = arg;
	stream->req = req;
	stream->chunk = evbuffer_new();
	stream->child = af_spawn(stream->loop, seq, &pipes);
	stream->client = af_file_new(stream->loop, fd, AFIO_KEEP_FD);
	evhttp_connection_set_closecb(connection, on_close, stream);
	evhttp_send_reply_start(req, HTTP_OK, NULL);
	ends[0] = af_file_each_async(af_process_stdout(stream->child),
				     AFIO_EACH_CHUNK, on_chunk, stream);
	ends[1] = af_file_hangup(stream->client);
	af_on_done(af_race(stream->loop, ends, 2), on_end, stream);
}

int main(int argc, char *argv[])
{
	ev_uint16_t port = argc > 1 ? (ev_uint16_t)atoi(argv[1]) : 8081;
	struct af_loop *loop = af_loop_new(NULL);
	struct evhttp *http = evhttp_new(af_loop_base(loop));
	int r;

	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	evhttp_set_gencb(http, on_request, loop);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
	if (evhttp_bind_socket(http, "127.0.0.1", port) < 0) {
		perror("bind");
		return 1;
	}
	r = af_loop_run(loop);
	evhttp_free(http);
	af_loop_free(loop);
	return r != 0;
}
