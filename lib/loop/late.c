/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the base should be polled, for work that may run both in a round and
 * in a libevent callback.
 */
#include "config.h"

#include <stdint.h>
#include <sys/time.h>

#include <event2/event.h>

#include "loop/loop.h"

/* libevent keeps the time of its last poll while it runs callbacks. */
static bool late_since_poll(const struct af_loop *loop)
{
	struct timeval polled, now;

	if (event_base_gettimeofday_cached(loop->base, &polled) < 0)
		return false;
	gettimeofday(&now, NULL);
	return (now.tv_sec - polled.tv_sec) * INT64_C(1000000) + now.tv_usec -
		       polled.tv_usec >=
	       1000;
}

bool afi_loop_is_late(struct af_loop *loop)
{
	bool in_round = loop->drivers > 0 && !loop->turning;

	return in_round ? afi_turn_look(&loop->turn) : late_since_poll(loop);
}
