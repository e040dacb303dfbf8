/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client of a request: its connection and the reply, as evhttp has them.
 *
 *     client_open --> client_begin --> client_send ... --> client_end --> gone
 *          |                                                  ^
 *          +--------------------------------------------------+  an error
 *
 * It may leave at any time, which is reported once. evhttp does not read while a
 * request waits for its reply, so af_file_hangup() notices that.
 */
#ifndef CGI_CLIENT_H
#define CGI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "why.h"

struct af_file;
struct af_future;
struct af_loop;
struct evbuffer;
struct evhttp_request;
struct head;

/* A client that sends or takes nothing for so many seconds is given up. */
#define CLIENT_PATIENCE 60

struct client {
	struct af_loop *loop;
	struct evhttp_request *req; /* NULL: evhttp is through with it */
	void (*left)(int error, void *arg);
	void *arg;
	struct af_file *file; /* watches the connection, reads nothing */
	struct evbuffer *chunk;
	bool has_begun;	 /* the reply has */
	bool has_body;	 /* the reply has: not for HEAD, 204, 304 */
	bool is_chunked; /* or it ends with the connection */
	struct af_future *hangup;
	struct af_future *sent; /* done when it has the chunk */
	struct af_future *gone; /* done when req is NULL */
};

/*
 * Begins to watch the connection of a request that evhttp has handed over.
 * Calls left once the client has left; with a negative errno if that cannot be
 * watched.
 */
void client_open(struct client *client, struct af_loop *loop,
		 struct evhttp_request *req, void (*left)(int error, void *arg),
		 void *arg);

/* Begins the reply. */
void client_begin(struct client *client, const struct head *head);

/*
 * Sends a piece of the body, which is copied. Returns a future that is done when
 * the kernel has it; NULL if the reply has no body.
 */
struct af_future *client_send(struct client *client, const char *data,
			      size_t len);
/* Whether the kernel has all that was sent. */
bool client_has_all(const struct client *client);

/* Ends the reply, or sends an error, or cuts the connection: see request.h. */
void client_end(struct client *client, enum why why);

/* Frees what it has. */
void client_close(struct client *client);

/* Answers a request that will not be served. */
void client_refuse(struct evhttp_request *req, enum why why);

#endif
