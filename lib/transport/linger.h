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
 * Ends a callback on the output of its lowest one. The entry stays in the list,
 * which libevent may be walking along: it goes with the buffer.
 */
void afi_mute(struct bufferevent *bev, struct evbuffer_cb_entry *entry);
/* How many bytes are in its output and in the outputs below. */
size_t afi_unsent(struct bufferevent *bev);
/*
 * After an end-of-input event: whether writes are lost, too. ended: it was
 * reported before. Only TLS reports it again, when it should write but the
 * handshake is not done.
 */
bool afi_lost_handshake(struct bufferevent *bev, bool ended);
/*
 * Frees a bufferevent that has no callbacks: at once if it has no unsent bytes,
 * else when they are sent or cannot be, after 30 s, or when the loop is freed.
 * sends: writing has not failed so far; ended: end of input was reported.
 */
void afi_linger(struct af_loop *loop, struct bufferevent *bev, bool sends,
		bool ended);

#endif
