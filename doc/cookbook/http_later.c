/* SPDX-License-Identifier: BSD-3-Clause */
/* An HTTP server that runs a command for each request, and answers later. */

#include <asyncfile.h>
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
	struct evhttp *http;
	struct evhttp_bound_socket *socket;
	struct event *sigterm;
};

struct job {
	struct evhttp_request *req;
	struct af_file *client; /* watches the connection, reads nothing */
};

enum { OUTPUT, CLIENT_LEFT, N };

/* A reply is needed even if the client has left: it frees the request. */
static void on_end(struct af_future *first, void *arg)
{
	struct job *job = arg;
	struct af_future *run = af_future_part(first, OUTPUT);
	struct evbuffer *body = evhttp_request_get_output_buffer(job->req);
	const struct af_output *output = af_future_output(run);

	af_file_close(job->client);
	evhttp_add_header(evhttp_request_get_output_headers(job->req),
			  "Connection", "close");
	if (af_future_error(run) == 0 && output->status == 0 &&
	    evbuffer_add(body, output->out, output->out_len) == 0)
		evhttp_send_reply(job->req, HTTP_OK, NULL, NULL);
	else
		evhttp_send_reply(job->req, HTTP_INTERNAL, NULL, NULL);
	free(job);
}

/* Starts the work and returns at once. */
static void on_request(struct evhttp_request *req, void *arg)
{
	const struct timeval limit = { .tv_sec = 60 };
	const struct af_run_options options = {
		.communicate = { .timeout = &limit, .max_output = 1 << 20 },
	};
	struct bufferevent *bev = evhttp_connection_get_bufferevent(
		evhttp_request_get_connection(req));
	const struct server *server = arg;
	struct job *job = malloc(sizeof(*job));
	struct af_future *ends[N];

	if (!job) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	job->req = req;
	job->client =
		af_file_new(server->loop, bufferevent_getfd(bev), AFIO_KEEP_FD);
	ends[OUTPUT] = af_run(server->loop, server->command, &options);
	ends[CLIENT_LEFT] = af_file_hangup(job->client);
	af_on_done(af_race(server->loop, ends, N), on_end, job);
}

/* Accepts no more clients; af_loop_run() ends after the last reply is sent. */
static void on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	struct server *server = arg;

	(void)sig;
	(void)what;
	evhttp_del_accept_socket(server->http, server->socket);
	event_del(server->sigterm);
}

int main(int argc, char *argv[])
{
	struct event_base *base = event_base_new();
	struct server server = { .loop = af_loop_new(base) };
	int r = 1;

	if (argc < 3) {
		fprintf(stderr, "usage: http_later PORT COMMAND [ARG]...\n");
		return 2;
	}
	server.command = (const char *const *)argv + 2;
	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	server.http = evhttp_new(base);
	evhttp_set_allowed_methods(server.http, EVHTTP_REQ_GET);
	evhttp_set_gencb(server.http, on_request, &server);
	evhttp_set_timeout(server.http, 60);
	server.sigterm = evsignal_new(base, SIGTERM, on_sigterm, &server);
	server.socket = evhttp_bind_socket_with_handle(
		server.http, "127.0.0.1", (ev_uint16_t)atoi(argv[1]));
	if (!server.socket || event_add(server.sigterm, NULL) < 0)
		perror("127.0.0.1");
	else
		r = af_loop_run(server.loop);
	event_free(server.sigterm);
	af_loop_free(server.loop);
	evhttp_free(server.http);
	event_base_free(base);
	return r != 0;
}
