/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last of a bufferevent: it is freed, but not before what it holds has
 * gone out. A bufferevent may stand on others, which hold some of that.
 */
#ifndef AFI_LINGER_H
#define AFI_LINGER_H

#include <stddef.h>

#include "loop.h"

struct bufferevent;

/* The one at the bottom, over whose descriptor the bytes go. */
struct bufferevent *afi_bottom(struct bufferevent *bev);
/* The bytes in its output and in those below. */
size_t afi_unsent(struct bufferevent *bev);
/*
 * Frees a bufferevent without callbacks: at once, or, if it holds bytes, when
 * they have left, cannot leave, or took too long, or the loop ends.
 */
void afi_linger(struct af_loop *loop, struct bufferevent *bev);

#endif
