/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving a bufferevent of the program to another base.
 */
#ifndef AFI_TRANSPORT_BEVMOVE_H
#define AFI_TRANSPORT_BEVMOVE_H

struct bufferevent;
struct event_base;

/*
 * Moves it without changing its state. 0; or -ENOTSUP, and it stays: only that
 * of a plain socket can move, and only without a rate limit, as the limit's
 * timer cannot move.
 */
int afi_bevmove(struct bufferevent *bev, struct event_base *base);

#endif
