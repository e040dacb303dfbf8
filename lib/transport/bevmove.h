/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving a bufferevent of the program to another base.
 */
#ifndef AFI_TRANSPORT_BEVMOVE_H
#define AFI_TRANSPORT_BEVMOVE_H

struct bufferevent;
struct event_base;

/*
 * Moves it, as it is. 0; or -ENOTSUP, and it stays: only a plain socket's can
 * move, and not with a rate limit, whose timer cannot.
 */
int afi_bevmove(struct bufferevent *bev, struct event_base *base);

#endif
