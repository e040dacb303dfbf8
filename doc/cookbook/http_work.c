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
static void on_counted(struct af_future *work, void *arg)
{
	const struct job *job = af_future_value(work);
	struct request *request = arg;
	struct evhttp_request *req = request->req;
	struct evbuffer *body = evhttp_request_get_output_buffer(req);

	if (af_future_count(work) == 0)
		free(request->job); /* no thread will ever see it */
	free(request);
	if (job && evbuffer_add_printf(body, "%lu\n", job->primes) >= 0)
		evhttp_send_reply(req, HTTP_OK, NULL, NULL);
	else
		evhttp_send_reply(req, HTTP_SERVUNAVAIL, NULL, NULL);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct request *request = malloc(sizeof(*request));
	struct job *job = calloc(1, sizeof(*job));

	if (!request || !job) {
		free(request);
		free(job);
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	job->below = strtoul(evhttp_request_get_uri(req) + 1, NULL, 10);
	*request = (struct request){ req, job };
	af_on_done(af_work(arg, count_primes, job, free), on_counted, request);
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
	struct af_loop *loop = af_loop_new(base);
	struct evhttp *http = evhttp_new(base);
	struct event *sigterm = evsignal_new(base, SIGTERM, on_sigterm, loop);
	int r = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: http_work PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
	evhttp_set_gencb(http, on_request, loop);
	if (evhttp_bind_socket(http, "127.0.0.1", (ev_uint16_t)atoi(argv[1])) <
		    0 ||
	    event_add(sigterm, NULL) < 0)
		perror("127.0.0.1");
	else
		r = af_loop_run(loop);
	event_free(sigterm);
	af_loop_free(loop); /* the requests that are left get their answer */
	evhttp_free(http);
	event_base_free(base);
	return r != 0;
}
