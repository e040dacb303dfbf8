/* SPDX-License-Identifier: BSD-3-Clause */
/* An HTTP server that computes in threads: GET /1000 counts primes below 1000. */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct job {
	unsigned long below, primes;
};

struct request {
	struct evhttp_request *req;
	struct job *job; /* the thread's, once it has begun */
};

struct server {
	struct af_loop *loop;
	struct evhttp *http;
	struct evhttp_bound_socket *socket;
	struct event *sigterm;
	struct af_future *shutdown; /* done when the server must end */
};

/* The futures that can end a request: the first one that is done does. */
enum { WORK, SHUTDOWN, N };

/* In another thread, which may touch nothing but the job. */
static void *count_primes(void *arg)
{
	struct job *job = arg;

	for (unsigned long n = 2; n < job->below; n++) {
		unsigned long d = 2;

		while (d * d <= n && n % d != 0)
			d++;
		job->primes += d * d > n;
	}
	return job; /* belongs to the future now, which frees it */
}

/* In the loop's thread, where evhttp may be called. */
static void on_end(struct af_future *first, void *arg)
{
	struct af_future *work = af_future_part(first, WORK);
	const struct job *job = af_future_value(work);
	struct request *request = arg;
	struct evhttp_request *req = request->req;
	struct evbuffer *body = evhttp_request_get_output_buffer(req);

	if (af_future_count(work) == 0)
		free(request->job); /* no thread will ever see it */
	free(request);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Connection",
			  "close");
	if (job && evbuffer_add_printf(body, "%lu\n", job->primes) >= 0)
		evhttp_send_reply(req, HTTP_OK, NULL, NULL);
	else
		evhttp_send_reply(req, HTTP_SERVUNAVAIL, NULL, NULL);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct request *request = malloc(sizeof(*request));
	struct job *job = calloc(1, sizeof(*job));
	const struct server *server = arg;
	struct af_future *ends[N];

	if (!request || !job) {
		free(request);
		free(job);
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	job->below = strtoul(evhttp_request_get_uri(req) + 1, NULL, 10);
	*request = (struct request){ req, job };
	ends[WORK] = af_work(server->loop, count_primes, job, free);
	ends[SHUTDOWN] = af_shield(af_future_ref(server->shutdown));
	af_on_done(af_race(server->loop, ends, N), on_end, request);
}

/* Accepts no more clients; af_loop_run() ends after the last reply is sent. */
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
	struct event_base *base = event_base_new();
	struct server server = { .loop = af_loop_new(base) };
	int r = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: http_work PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	server.shutdown = af_future_new(server.loop, NULL, NULL);
	server.http = evhttp_new(base);
	evhttp_set_allowed_methods(server.http, EVHTTP_REQ_GET);
	evhttp_set_gencb(server.http, on_request, &server);
	evhttp_set_timeout(server.http, 10);
	server.sigterm = evsignal_new(base, SIGTERM, on_sigterm, &server);
	server.socket = evhttp_bind_socket_with_handle(
		server.http, "127.0.0.1", (ev_uint16_t)atoi(argv[1]));
	if (!server.socket || event_add(server.sigterm, NULL) < 0)
		perror("127.0.0.1");
	else
		r = af_loop_run(server.loop);
	event_free(server.sigterm);
	af_future_unref(server.shutdown);
	af_loop_free(server.loop);
	evhttp_free(server.http);
	event_base_free(base);
	return r != 0;
}
