/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A watch: something that is on an event base, and that moves when the base is
 * replaced by another one. Knows neither the loop nor what is watched.
 */
#ifndef AFI_LOOP_WATCH_H
#define AFI_LOOP_WATCH_H

#include <sys/queue.h>

struct event_base;

struct afi_watch {
	LIST_ENTRY(afi_watch) entry;
	/*
	 * Takes it off the base where it is, if it is on one, and puts it on
	 * the owner's present one, perhaps the same; 0, or -errno and it is on
	 * none. NULL: not in a list.
	 */
	int (*move)(struct afi_watch *watch);
};
LIST_HEAD(afi_watches, afi_watch);

/* Record that it is on the base; off it. Calling one twice is fine. */
void afi_watch_start(struct afi_watches *watches, struct afi_watch *watch,
		     int (*move)(struct afi_watch *));
void afi_watch_stop(struct afi_watch *watch);
/*
 * Makes *base another base, and moves all watches there. On failure (-errno)
 * *base is what it was, and all of them are back on it.
 */
int afi_watches_move(struct afi_watches *watches, struct event_base **base,
		     struct event_base *to);
/*
 * Moves all watches back to the base that they came from. 0; or -errno, if one
 * that was added meanwhile is on no base for lack of memory: call it again, also
 * for those that have moved.
 */
int afi_watches_move_back(struct afi_watches *watches, struct event_base **base,
			  struct event_base *to);

#endif
