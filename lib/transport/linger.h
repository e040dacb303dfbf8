/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last of a bufferevent: it is freed, but not before what it holds has
 * gone out. A bufferevent may stand on others, which hold some of that.
 */
#ifndef AFI_TRANSPORT_LINGER_H
#define AFI_TRANSPORT_LINGER_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"

struct bufferevent;

/* The one at the bottom, over whose descriptor the bytes go. */
struct bufferevent *afi_bottom(struct bufferevent *bev);
/* The bytes in its output and in those below. */
size_t afi_unsent(struct bufferevent *bev);
/*
 * Of one that says that no more comes in, and may have said so before (ended):
 * whether that ends what it is to send, too. Only TLS says it again, whenever it
 * is to write and has not shaken hands.
 */
bool afi_lost_handshake(struct bufferevent *bev, bool ended);
/*
 * Frees a bufferevent without callbacks: at once, or, if it holds bytes, when
 * they have left, cannot leave, or took too long, or the loop ends. sends: they
 * could leave so far; ended: it has said that no more comes in.
 */
void afi_linger(struct af_loop *loop, struct bufferevent *bev, bool sends,
		bool ended);

#endif
