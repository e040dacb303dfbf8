/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue of those who wait for connections, and giving these to them.
 */
#ifndef AFI_NET_TAKERS_H
#define AFI_NET_TAKERS_H

#include "net/listener.h"

/* Appends one, whose functions are set. */
void afi_takers_add(struct af_listener *listener, struct afi_taker *taker,
		    struct af_future *f);
/*
 * Looks for a connection: at once, which may end the last one, if that runs no
 * code of the program; or from the ready queue.
 */
void afi_takers_look(struct afi_taker *taker);
void afi_takers_remove(struct afi_taker *taker);
/*
 * The deadline of one has passed: gives it a connection if there is one now, or
 * ends it, perhaps a moment later.
 */
void afi_takers_expire(struct afi_taker *taker);
/* Ends all: those that take more with success if all is well. */
void afi_takers_end_all(struct af_listener *listener, int error);
/* Has the queue of the kernel looked at again, whatever was found before. */
void afi_takers_look_again(struct af_listener *listener);

#endif
