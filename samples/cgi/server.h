/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server: it listens, knows the requests, and gives each a turn. At most
 * limits.programs programs run at the same time; other requests wait in the
 * order in which they came.
 */
#ifndef CGI_SERVER_H
#define CGI_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include "env.h"

struct event;
struct event_base;
struct evhttp;
struct evhttp_bound_socket;
struct af_file;
struct af_loop;
struct request;

struct limits {
	struct timeval time; /* for a request, from its arrival to its end */
	size_t output;	     /* bytes that a program writes */
	size_t body;	     /* bytes of a request */
	size_t programs;     /* at the same time */
};

struct server {
	const char *folder; /* absolute */
	struct limits limits;
	struct event_base *base;
	struct af_loop *loop;
	struct evhttp *http;
	struct evhttp_bound_socket *socket; /* NULL: it stops */
	struct event *resume;		    /* when it accepts again */
	struct af_file *messages;
	struct env_server address;
	struct request *requests, **last; /* the oldest first */
	size_t running;
};

/* Both return 0, or a negative number after a message. */
int server_open(struct server *server);
/* Listens on HOST:PORT, and prints where. */
int server_listen(struct server *server, const char *listen);
/* Listens no more and ends the requests; then af_loop_run() returns. */
void server_stop(struct server *server);
/* Ends what is left at once. */
void server_close(struct server *server);

/* For requests: the list, and their turns. */
void server_add(struct server *server, struct request *request);
void server_remove(struct server *server, struct request *request);

#endif
