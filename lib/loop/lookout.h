/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lookout: looks again and again at things that no event reports. One timer
 * for all of a loop; each thing is looked at 1 to 50 ms apart, soon at first,
 * then more and more rarely. Knows nothing of what is looked at.
 */
#ifndef AFI_LOOP_LOOKOUT_H
#define AFI_LOOP_LOOKOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "loop/watch.h"

struct af_loop;

/* Something to look at. Zero it first. */
struct afi_looked {
	LIST_ENTRY(afi_looked) entry;
	void (*look)(struct afi_looked *looked); /* NULL: not in the list */
	int64_t due;	  /* milliseconds of CLOCK_MONOTONIC */
	int64_t interval; /* milliseconds */
	bool keeps;	  /* the base running */
};
LIST_HEAD(afi_looked_list, afi_looked);

struct afi_lookout {
	struct event event;
	struct afi_watch watch; /* while there is something to look at */
	struct afi_looked_list list;
};

/*
 * Has look called again and again, for the first time after about that many
 * milliseconds, until it is stopped. It may stop itself or others, and start
 * others. Of what is started already, only the next look may come sooner. 0 or
 * -ENOMEM.
 */
int afi_lookout_start(struct af_loop *loop, struct afi_looked *looked,
		      int first, bool keeps, void (*look)(struct afi_looked *));
void afi_lookout_stop(struct af_loop *loop, struct afi_looked *looked);

#endif
