/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When a listener looks for connections: its events, its pauses, and the task
 * that accepts.
 */
#ifndef AFI_NET_LISTENER_EVENTS_H
#define AFI_NET_LISTENER_EVENTS_H

#include "net/listener.h"

/* The first one that can be given a connection now; NULL: nobody. */
static inline struct afi_taker *
afi_listener_taker(const struct af_listener *listener)
{
	struct afi_taker *taker;

	if (listener->asking)
		return NULL;
	TAILQ_FOREACH (taker, &listener->takers, entry)
		if (!taker->busy)
			return taker;
	return NULL;
}
/* Whether as many of its files are open as may be. */
static inline bool afi_listener_is_full(const struct af_listener *listener)
{
	return listener->max_connections &&
	       listener->connections->n >= listener->max_connections;
}

/* Has the task run, from the ready queue. */
void afi_listener_later(struct af_listener *listener);
/* Has the task run when a connection comes; 0 or -ENOMEM. */
int afi_listener_want(struct af_listener *listener);
void afi_listener_unwant(struct af_listener *listener);
/*
 * Once nothing else is left to do, stops waits that nobody needs; and stops a
 * listener that is to stop and that nobody waits for any more.
 */
void afi_listener_settle(struct af_listener *listener);
/* Accepts nothing until a file is closed, or for a while; why. */
void afi_listener_pause(struct af_listener *listener, int error);
/* Ends that: perhaps something can be accepted now. */
void afi_listener_resume(struct af_listener *listener);
/* Takes everything off the base and out of the queues. */
void afi_listener_rest(struct af_listener *listener);

#endif
