/* SPDX-License-Identifier: BSD-3-Clause */
/* The proxy: it listens, and knows its connections. */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include "address.h"
#include "targets.h"

struct af_file;
struct af_listener;
struct af_loop;
struct af_tls;
struct relay;

struct server {
	struct address address;
	struct targets targets;
	const char *const *command; /* in place of targets; or NULL */
	size_t max;		    /* connections at a time; 0: any number */
	struct timeval idle;	    /* zero: no limit */
	struct timeval grace;	    /* for connections, when it stops */
	struct timeval handshake;
	const char *cert, *key;		       /* of TLS; or NULL */
	uint64_t descriptors, descriptors_max; /* the limits of commands */

	struct af_loop *loop;
	struct af_listener *listener;
	struct af_file *messages;
	struct af_tls *tls; /* or NULL */
	struct relay *relays;
	bool stops, has_stopped; /* waits for connections; for commands */
	int error;		 /* why it stops by itself, or 0 */

	/* Of connections that are over. */
	uintmax_t connections, failed, bytes_up, bytes_down;
};

/* Both return 0; or -1 after a message. server_listen() prints where. */
int server_open(struct server *server);
int server_listen(struct server *server);
/* Accepts no more. Then af_loop_run() returns when all connections are over. */
void server_stop(struct server *server);
/* Writes a line about all connections to stderr. */
void server_print(const struct server *server);
/* For a connection that is over: whether it was the last one. */
void server_check_end(struct server *server);
/* Ends what is left at once. */
void server_close(struct server *server);

#endif
