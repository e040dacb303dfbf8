/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "follower.h"
#include "run.h"

#define FOLLOWER_CHUNK 65536

static void follower_free(struct follower *follower)
{
	struct follower **at = &follower->run->followers;

	while (*at != follower)
		at = &(*at)->next;
	*at = follower->next;
	free(follower);
}

/* It has left. The request is still ours if evhttp has let go of it. */
static void follower_left(struct evhttp_connection *connection, void *arg)
{
	struct follower *follower = arg;

	(void)connection;
	if (!evhttp_request_get_connection(follower->req))
		evhttp_request_free(follower->req);
	follower_free(follower);
}

static void follower_end(struct follower *follower)
{
	struct evhttp_request *req = follower->req;

	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL,
				      NULL);
	follower_free(follower);
	evhttp_send_reply_end(req);
}

static void follower_wake(struct follower *follower);

static void follower_sent(struct evhttp_connection *connection, void *arg)
{
	struct follower *follower = arg;

	(void)connection;
	follower->sending = false;
	follower_wake(follower);
}

/* Sends what is in chunk, and frees it. */
static void follower_send(struct follower *follower, struct evbuffer *chunk)
{
	follower->sending = true;
	evhttp_send_reply_chunk_with_cb(follower->req, chunk, follower_sent,
					follower);
	evbuffer_free(chunk);
}

/* Appends at most a chunk of the log. Returns the bytes; or -1. */
static ssize_t follower_take(const struct follower *follower,
			     struct evbuffer *chunk)
{
	struct evbuffer *log = follower->run->log;
	size_t len = evbuffer_get_length(log) - follower->at;
	struct evbuffer_iovec to;
	struct evbuffer_ptr from;

	if (len > FOLLOWER_CHUNK)
		len = FOLLOWER_CHUNK;
	if (len == 0)
		return 0;
	if (evbuffer_reserve_space(chunk, (ev_ssize_t)len, &to, 1) < 0 ||
	    evbuffer_ptr_set(log, &from, follower->at, EVBUFFER_PTR_SET) < 0)
		return -1;
	to.iov_len = len;
	if (evbuffer_copyout_from(log, &from, to.iov_base, len) !=
	    (ev_ssize_t)len)
		return -1;
	return evbuffer_commit_space(chunk, &to, 1) == 0 ? (ssize_t)len : -1;
}

/* Where memory is short it goes on at the next wake-up. */
static void follower_wake(struct follower *follower)
{
	struct evbuffer *chunk;
	ssize_t n;

	if (follower->sending)
		return;
	chunk = evbuffer_new();
	n = chunk ? follower_take(follower, chunk) : -1;
	if (n > 0) {
		follower->at += (size_t)n;
		follower_send(follower, chunk);
		return;
	}
	if (chunk)
		evbuffer_free(chunk);
	if (n == 0 && !follower->run->pipe)
		follower_end(follower);
}

void follower_wake_all(struct follower *list)
{
	struct follower *next;

	for (; list; list = next) {
		next = list->next;
		follower_wake(list);
	}
}

/* One that is behind gets the log first. */
void follower_tell_all(struct run *run)
{
	struct follower *follower, *next;
	struct evbuffer *chunk;

	for (follower = run->followers; follower; follower = next) {
		next = follower->next;
		follower_wake(follower);
		if (!run->pipe || follower->sending)
			continue;
		chunk = evbuffer_new();
		if (chunk && run_state(chunk, run) == 0)
			follower_send(follower, chunk);
		else if (chunk)
			evbuffer_free(chunk);
	}
}

int follower_new(struct run *run, struct evhttp_request *req, size_t at)
{
	struct follower *follower = calloc(1, sizeof(*follower));
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);

	if (!follower)
		return -ENOMEM;
	follower->run = run;
	follower->req = req;
	follower->at = at;
	follower->next = run->followers;
	run->followers = follower;
	evhttp_add_header(headers, "Content-Type", "text/event-stream");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_connection_set_closecb(evhttp_request_get_connection(req),
				      follower_left, follower);
	evhttp_send_reply_start(req, HTTP_OK, "OK");
	follower_tell_all(run);
	return 0;
}
