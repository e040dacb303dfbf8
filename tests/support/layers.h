/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes connected pairs of bufferevents, of every kind that libevent has.
 */
#ifndef TESTS_LAYERS_H
#define TESTS_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;

/* Over a Unix stream socket pair; with BEV_OPT_CLOSE_ON_FREE. */
void layer_socket(struct event_base *base, struct bufferevent *bevs[2]);
/* Over a socket pair, with deferred callbacks that run without the lock. */
void layer_deferred(struct event_base *base, struct bufferevent *bevs[2]);
/* Over a socket pair, with a rate limit of 64 KiB in 2 ms. */
void layer_limited(struct event_base *base, struct bufferevent *bevs[2]);
/* A bufferevent_pair: no descriptor. */
void layer_pair(struct event_base *base, struct bufferevent *bevs[2]);
/* Filters that change nothing, over a socket pair. */
void layer_filter(struct event_base *base, struct bufferevent *bevs[2]);

#ifdef WITH_ZLIB
/* Filters that deflate output and inflate input. */
void layer_zlib(struct event_base *base, struct bufferevent *bevs[2]);
/* Makes one such filter over a bufferevent, which it owns. */
struct bufferevent *layer_zlib_over(struct bufferevent *below);
#endif

#ifdef WITH_TLS
/* TLS after the handshake; over descriptors, or over other bufferevents. */
void layer_tls(struct event_base *base, struct bufferevent *bevs[2]);
void layer_tls_filter(struct event_base *base, struct bufferevent *bevs[2]);
/*
 * Makes the connecting end of a TLS connection, before the handshake; over fd,
 * or (over) over another bufferevent.
 */
struct bufferevent *layer_tls_client(struct event_base *base, int fd,
				     bool over);
/* Makes the accepting end of a TLS connection. */
struct bufferevent *layer_tls_server(struct event_base *base, int fd);
/* Sends close_notify from the end made last: [1] of a pair, or the server. */
void layer_tls_shutdown(void);
#endif

#endif
