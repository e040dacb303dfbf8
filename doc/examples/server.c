/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A web server whose answers come from children: doc/tutorial.md explains it.
 */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct server {
	struct af_loop *loop;
	struct evhttp *http;
	struct evhttp_bound_socket *socket;
	struct event *sigterm;
	struct af_future *shutdown; /* done when the server must end */
};

struct job {
	struct evhttp_request *req;
	struct af_file *client; /* watches the connection, reads nothing */
};

/* The futures that can end a job: the first one that is done does. */
enum { OUTPUT, CLIENT_LEFT, SHUTDOWN, N };

static void on_job_done(struct af_future *first, void *arg)
{
	struct job *job = arg;
	struct af_future *run = af_future_part(first, OUTPUT);
	struct evbuffer *body = evhttp_request_get_output_buffer(job->req);

	evhttp_add_header(evhttp_request_get_output_headers(job->req),
			  "Connection", "close");
	if (af_future_error(run) == 0 && af_future_status(run) == 0) {
		const struct af_output *output = af_future_output(run);

		evbuffer_add(body, output->out, output->out_len);
		evhttp_send_reply(job->req, HTTP_OK, NULL, NULL);
	} else {
		/* Even if the client has left: this frees the request. */
		evhttp_send_reply(job->req, HTTP_SERVUNAVAIL, NULL, NULL);
	}
	af_file_close(job->client);
	free(job);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	const char *const slow[] = { "sh", "-c", "sleep 1; date", NULL };
	struct evhttp_connection *connection;
	struct server *server = arg;
	struct job *job = malloc(sizeof(*job));
	struct af_future *ends[N];
	int fd;

	if (!job) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	connection = evhttp_request_get_connection(req);
	fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
	job->req = req;
	job->client = af_file_new(server->loop, fd, AFIO_KEEP_FD);
	ends[OUTPUT] = af_run(server->loop, slow, NULL);
	ends[CLIENT_LEFT] = af_file_hangup(job->client);
	ends[SHUTDOWN] = af_shield(af_future_ref(server->shutdown));
	af_on_done(af_race(server->loop, ends, N), on_job_done, job);
}

/* Accepts no more clients; af_loop_run() ends after the last one. */
static void on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	struct server *server = arg;

	(void)sig;
	(void)what;
	evhttp_del_accept_socket(server->http, server->socket);
	event_del(server->sigterm);
	af_future_resolve(server->shutdown, NULL, NULL);
}

int main(int argc, char *argv[])
{
	ev_uint16_t port = argc > 1 ? (ev_uint16_t)atoi(argv[1]) : 8080;
	struct server server = { .loop = af_loop_new(NULL) };
	struct event_base *base = af_loop_base(server.loop);
	int r;

	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	server.http = evhttp_new(base);
	evhttp_set_gencb(server.http, on_request, &server);
	evhttp_set_allowed_methods(server.http, EVHTTP_REQ_GET);
	evhttp_set_timeout(server.http, 10);
	server.socket =
		evhttp_bind_socket_with_handle(server.http, "127.0.0.1", port);
	if (!server.socket) {
		perror("bind");
		return 1;
	}
	server.sigterm = evsignal_new(base, SIGTERM, on_sigterm, &server);
	event_add(server.sigterm, NULL);
	server.shutdown = af_future_new(server.loop, NULL, NULL);

	r = af_loop_run(server.loop);
	af_future_unref(server.shutdown);
	event_free(server.sigterm);
	evhttp_free(server.http);
	af_loop_free(server.loop);
	return r != 0;
}
