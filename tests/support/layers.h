/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connected pairs of bufferevents of every sort that libevent has.
 */
#ifndef TESTS_LAYERS_H
#define TESTS_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;

/* Over a Unix stream socket pair, whose descriptors close with them. */
void layer_socket(struct event_base *base, struct bufferevent *bevs[2]);
/* The same, calling back later and without its lock. */
void layer_deferred(struct event_base *base, struct bufferevent *bevs[2]);
/* With a limit of 64 KiB in 2 ms. */
void layer_limited(struct event_base *base, struct bufferevent *bevs[2]);
/* Without a descriptor. */
void layer_pair(struct event_base *base, struct bufferevent *bevs[2]);
/* A filter that changes nothing, over a socket. */
void layer_filter(struct event_base *base, struct bufferevent *bevs[2]);

#ifdef WITH_ZLIB
/* What goes out at either end is deflated, what comes in inflated. */
void layer_zlib(struct event_base *base, struct bufferevent *bevs[2]);
/* One such filter over a bufferevent, which it owns. */
struct bufferevent *layer_zlib_over(struct bufferevent *below);
#endif

#ifdef WITH_TLS
/* After the handshake; over a descriptor, or over another bufferevent. */
void layer_tls(struct event_base *base, struct bufferevent *bevs[2]);
void layer_tls_filter(struct event_base *base, struct bufferevent *bevs[2]);
/*
 * The connecting end of a connection, before the handshake; over its descriptor
 * or over another bufferevent.
 */
struct bufferevent *layer_tls_client(struct event_base *base, int fd,
				     bool over);
/* The accepting end of a connection. */
struct bufferevent *layer_tls_server(struct event_base *base, int fd);
/* Has the writing end, [1] of the pair or the server made last, say that it is done. */
void layer_tls_shutdown(void);
#endif

#endif
