/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include <asyncfile.h>

#include "client.h"
#include "head.h"

/* How much is read ahead from a client during a reply. */
#define CLIENT_AHEAD 65536

static const struct timeval client_patience = { .tv_sec = CLIENT_PATIENCE };

static struct bufferevent *client_bufferevent(const struct client *client)
{
	return evhttp_connection_get_bufferevent(
		evhttp_request_get_connection(client->req));
}

static void client_unwatch(struct client *client)
{
	af_future_cancel(client->hangup);
	af_future_forget(client->hangup);
	client->hangup = NULL;
	af_file_close(client->file);
	client->file = NULL;
}

static void client_gone(struct client *client)
{
	client->req = NULL;
	client_unwatch(client);
	af_future_resolve(client->gone, NULL, NULL);
}

/* evhttp closes the connection. The request is ours if it has let go of it. */
static void client_closed(struct evhttp_connection *connection, void *arg)
{
	struct client *client = arg;

	(void)connection;
	if (!evhttp_request_get_connection(client->req))
		evhttp_request_free(client->req);
	client_gone(client);
	client->left(0, client->arg);
}

/* The reply is sent; the connection may bring another request. */
static void client_complete(struct evhttp_request *req, void *arg)
{
	struct client *client = arg;
	struct bufferevent *bev = client_bufferevent(client);

	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL,
				      NULL);
	bufferevent_setwatermark(bev, EV_READ, 0, 0);
	bufferevent_set_timeouts(bev, &client_patience, &client_patience);
	client_gone(client);
}

static void client_hung_up(struct af_future *hangup, void *arg)
{
	struct client *client = arg;

	client->left(af_future_error(hangup), client->arg);
}

/*
 * During the reply, evhttp reads what the client sends, such as its next
 * request: up to a limit. The client may be silent for as long as that takes.
 */
void client_open(struct client *client, struct af_loop *loop,
		 struct evhttp_request *req, void (*left)(int error, void *arg),
		 void *arg)
{
	struct evhttp_connection *connection =
		evhttp_request_get_connection(req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);

	*client = (struct client){
		.loop = loop,
		.req = req,
		.left = left,
		.arg = arg,
		.chunk = evbuffer_new(),
		.gone = af_future_new(loop, NULL, NULL),
	};
	bufferevent_setwatermark(bev, EV_READ, 0, CLIENT_AHEAD);
	bufferevent_set_timeouts(bev, NULL, &client_patience);
	evhttp_connection_set_closecb(connection, client_closed, client);
	evhttp_request_set_on_complete_cb(req, client_complete, client);
	client->file = af_file_new(loop, bufferevent_getfd(bev), AFIO_KEEP_FD);
	client->hangup = af_file_hangup(client->file);
	af_on_done(af_future_ref(client->hangup), client_hung_up, client);
}

void client_begin(struct client *client, const struct head *head)
{
	struct evhttp_request *req = client->req;

	/* Or evhttp adds "Content-Length: 0" where a client of HTTP/1.0 asks to
	 * keep the connection. */
	if (req->major == 1 && req->minor == 0)
		evhttp_remove_header(evhttp_request_get_input_headers(req),
				     "Connection");
	evhttp_send_reply_start(req, head->status,
				*head->reason ? head->reason : NULL);
	client->has_begun = true;
	client->has_body = evhttp_request_get_command(req) != EVHTTP_REQ_HEAD &&
			   head->status != HTTP_NOCONTENT &&
			   head->status != HTTP_NOTMODIFIED;
	client->is_chunked =
		evhttp_find_header(evhttp_request_get_output_headers(req),
				   "Transfer-Encoding") != NULL;
}

static void client_sent(struct evhttp_connection *connection, void *arg)
{
	struct client *client = arg;

	(void)connection;
	af_future_resolve(client->sent, NULL, NULL);
}

struct af_future *client_send(struct client *client, const char *data,
			      size_t len)
{
	if (!client->has_body)
		return NULL;
	if (!client->chunk || evbuffer_add(client->chunk, data, len) < 0)
		return af_failed(client->loop, -ENOMEM);
	af_future_unref(client->sent);
	client->sent = af_future_new(client->loop, NULL, NULL);
	evhttp_send_reply_chunk_with_cb(client->req, client->chunk, client_sent,
					client);
	return af_future_ref(client->sent);
}

bool client_has_all(const struct client *client)
{
	return !client->sent || af_future_is_done(client->sent);
}

/*
 * Closes the connection; by a reset, if its end would look like that of the
 * reply. evhttp would shut it down first, which connect(2) to nobody prevents.
 */
static void client_cut(struct client *client)
{
	static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	static const struct linger none = { .l_onoff = 1 };
	struct evhttp_connection *connection =
		evhttp_request_get_connection(client->req);
	int fd = bufferevent_getfd(client_bufferevent(client));

	if (client->has_begun && !client->is_chunked) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
		(void)!connect(fd, &nobody, sizeof(nobody));
	}
	evhttp_connection_set_closecb(connection, NULL, NULL);
	evhttp_connection_free(connection);
	client_gone(client);
}

void client_end(struct client *client, enum why why)
{
	client_unwatch(client);
	if (!client->req)
		return;
	if (why == WHY_LEFT || (why && client->has_begun))
		client_cut(client);
	else if (why)
		client_refuse(client->req, why);
	else
		evhttp_send_reply_end(client->req);
}

/* If req is not NULL, the loop is being freed, and evhttp still has it. */
void client_close(struct client *client)
{
	if (client->req) {
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(client->req), NULL, NULL);
		evhttp_request_set_on_complete_cb(client->req, NULL, NULL);
	}
	client_unwatch(client);
	af_future_cancel(client->sent);
	af_future_unref(client->sent);
	af_future_unref(client->gone);
	if (client->chunk)
		evbuffer_free(client->chunk);
}

/* evhttp would send a body even in reply to HEAD. */
void client_refuse(struct evhttp_request *req, enum why why)
{
	struct evkeyvalq *fields = evhttp_request_get_output_headers(req);

	evhttp_clear_headers(fields);
	evhttp_add_header(fields, "Content-Type", "text/plain; charset=utf-8");
	if (why_status(why) == 503)
		evhttp_add_header(fields, "Retry-After", "5");
	if (why == WHY_STOP)
		evhttp_add_header(fields, "Connection", "close");
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		evbuffer_add_printf(evhttp_request_get_output_buffer(req),
				    "%s\n", why_text(why));
	evhttp_send_reply(req, why_status(why), NULL, NULL);
}
