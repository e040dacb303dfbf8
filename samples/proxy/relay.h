/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection: all of its life is in relay.c.
 *
 *     relay_new
 *         |  the handshake, with TLS
 *     relay_connect
 *         |  to a target                      the command is started
 *     relay_copy                          relay_run
 *         |  both ways, until both have       |  its output has ended, and it
 *         |  ended                            |  takes no more or has exited
 *         +-----------------------------------+
 *     relay_over <------- at any time: it is idle, something fails
 *         |  the connection is closed; a command is stopped, or may go on if
 *         |  all is well
 *     relay_free
 *
 * An end in one direction is passed on as one: the other direction goes on.
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include <stdbool.h>

#include "targets.h"

struct af_file;
struct af_future;
struct af_process;
struct server;

struct relay {
	struct relay *next, **at; /* in the server's list */
	struct server *server;
	char name[128]; /* the client's address */
	struct af_file *client;
	struct af_file *target; /* the one or the other */
	struct af_process *child;
	struct attempt attempt;
	bool is_idle;

	/* A reference each; NULL: not there yet. */
	struct af_future *work; /* up to the end of both directions */
	struct af_future *idle;
	struct af_future *up, *down; /* the two copies */
};

/* Serves a connection, which is the relay's from here on. */
void relay_new(struct server *server, struct af_file *client);

#endif
