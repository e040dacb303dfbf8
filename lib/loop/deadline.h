/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A deadline: a function that is called once, at a point in time of
 * CLOCK_MONOTONIC.
 */
#ifndef AFI_LOOP_DEADLINE_H
#define AFI_LOOP_DEADLINE_H

#include <stdint.h>
#include <sys/time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "loop/loop.h"

struct afi_deadline {
	struct event event;
	struct afi_watch watch;
	struct af_loop *loop;
	int64_t at; /* nanoseconds */
	void (*passed)(struct afi_deadline *deadline);
	void *arg; /* the owner's own */
};

/* CLOCK_MONOTONIC, in nanoseconds. */
int64_t afi_now(void);
/* Up to some milliseconds behind afi_now(), but much cheaper. */
int64_t afi_now_coarse(void);
/* Whether a timeout is valid: NULL, or not negative and normalised. */
static inline bool afi_timeout_valid(const struct timeval *timeout)
{
	return !timeout || (timeout->tv_sec >= 0 && timeout->tv_usec >= 0 &&
			    timeout->tv_usec < 1000000);
}

static inline bool afi_timeout_zero(const struct timeval *timeout)
{
	return timeout && timeout->tv_sec == 0 && timeout->tv_usec == 0;
}

/* Calls passed once, timeout from now, unless stopped before; 0 or -ENOMEM. */
int afi_deadline_start(struct afi_deadline *deadline, struct af_loop *loop,
		       const struct timeval *timeout,
		       void (*passed)(struct afi_deadline *));
void afi_deadline_stop(struct afi_deadline *deadline);

#endif
