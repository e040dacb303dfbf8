/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches: the list of what is on a base, and how all of it moves to another
 * one. Knows of each watch only that it can move.
 */
#include "config.h"

#include <stddef.h>

#include "loop/watch.h"

void afi_watch_start(struct afi_watches *watches, struct afi_watch *watch,
		     int (*move)(struct afi_watch *))
{
	if (watch->move)
		return;
	watch->move = move;
	LIST_INSERT_HEAD(watches, watch, entry);
}

void afi_watch_stop(struct afi_watch *watch)
{
	if (!watch->move)
		return;
	LIST_REMOVE(watch, entry);
	watch->move = NULL;
}

void afi_watches_move_back(struct afi_watches *watches,
			   struct event_base **base, struct event_base *to)
{
	struct afi_watch *watch;

	*base = to;
	LIST_FOREACH (watch, watches, entry)
		watch->move(watch);
}

int afi_watches_move(struct afi_watches *watches, struct event_base **base,
		     struct event_base *to)
{
	struct event_base *from = *base;
	struct afi_watch *watch;
	int r = 0;

	*base = to;
	LIST_FOREACH (watch, watches, entry)
		if (r == 0)
			r = watch->move(watch);
	/* Including the one that failed, which is on neither. */
	if (r < 0)
		afi_watches_move_back(watches, base, from);
	return r;
}
