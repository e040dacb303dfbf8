/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a bufferevent: it is freed once its unsent bytes have been sent.
 * Bufferevents below it may hold some of them.
 */
#ifndef AFI_TRANSPORT_LINGER_H
#define AFI_TRANSPORT_LINGER_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"

struct bufferevent;
struct evbuffer_cb_entry;

/* Returns the lowest bufferevent, whose descriptor carries the bytes. */
struct bufferevent *afi_bottom(struct bufferevent *bev);
/*
 * Disables a callback on the output of the lowest bufferevent. libevent may be
 * walking along the list of callbacks, so the entry stays in it until the
 * buffer is freed.
 */
void afi_mute(struct bufferevent *bev, struct evbuffer_cb_entry *entry);
/* How many bytes are in its output and in those of bufferevents below it. */
size_t afi_unsent(struct bufferevent *bev);
/*
 * After an event of end of input: whether writing has failed, too. ended: the
 * end was reported before. Only TLS reports it again, when it has bytes to
 * write but the handshake is not done.
 */
bool afi_lost_handshake(struct bufferevent *bev, bool ended);
/*
 * Frees a bufferevent that has no callbacks: at once if it has no unsent bytes,
 * else when they were sent, when sending fails, after 30 s, or when the loop is
 * freed. sends: writing has not failed so far; ended: end of input was
 * reported.
 */
void afi_linger(struct af_loop *loop, struct bufferevent *bev, bool sends,
		bool ended);

#endif
