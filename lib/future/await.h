/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wait on the stack.
 */
#ifndef AFI_FUTURE_AWAIT_H
#define AFI_FUTURE_AWAIT_H

#include "future/future.h"

struct afi_await {
	struct afi_await *outer;
	struct af_future *future;
	struct event_base *base; /* where the loop's watches were before */
	bool turning;		 /* whether libevent was dispatching them */
	bool forgotten;		 /* see af_future_forget() */
	unsigned maybe_stuck;	 /* the loop's, when last compared */
};

#endif
