/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request and its program: all of its life is in request.c.
 *
 *     request_new
 *         |  waits for its turn
 *     request_look
 *         |  a thread looks for the program
 *     request_start
 *         |  a thread starts it
 *     request_feed
 *         |  the body goes to its stdin; the header comes from its stdout
 *     request_head
 *         |  the reply begins; each chunk is read once the client has the last
 *     request_wait
 *         |  the output has ended; the program exits
 *     request_reply <------ request_end, at any time: what is pending above is
 *         |                 cancelled
 *         |  the reply ends, or an error is sent, or the connection is cut; the
 *         |  program and its group are stopped
 *     request_free
 *
 * What ends a request early:
 *
 * | happens                              | without a header | with one        |
 * |--------------------------------------|------------------|-----------------|
 * | the client leaves                    | cut              | cut             |
 * | limits.time is over                  | 504; 503 if it
 *                                          had no turn yet  | cut             |
 * | limits.output is passed              | 502              | cut             |
 * | a signal kills the program           | 502              | cut             |
 * | it writes a header that is wrong or
 *   too long, or none                    | 502              | -               |
 * | the server stops                     | 503              | cut             |
 * | memory or descriptors run out        | 500              | cut             |
 *
 * The exit status says nothing of the reply: it is only written to stderr.
 *
 * A program ends with its reply, and so does its group: what is to go on must
 * lead a session of its own. The reply ends with the output; or, where another
 * process holds the output open after the program has exited, once that is
 * silent for a second.
 */
#ifndef CGI_REQUEST_H
#define CGI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "client.h"
#include "errors.h"
#include "path.h"
#include "why.h"

struct af_future;
struct af_process;
struct server;

struct request {
	struct request *next; /* in the server's list */
	struct server *server;
	struct client client;
	struct path path;
	struct af_process *child;
	struct errors errors;
	size_t output; /* bytes of the program so far */
	enum why why;
	bool has_turn;
	bool is_quiet;	/* no output for some time, after the exit */
	bool is_silent; /* nor for some more: it is taken for ended */

	/* A reference each; NULL: not there yet. */
	struct af_future *turn;
	struct af_future *work; /* from the turn to the exit */
	struct af_future *reading, *fed, *exit, *told;
};

/* Serves a request of evhttp: it is answered, or its connection is cut. */
void request_new(struct server *server, struct evhttp_request *req);
/* Ends it early. No effect on one that ends already. */
void request_end(struct request *request, enum why why);

#endif
