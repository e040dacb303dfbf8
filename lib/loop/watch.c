/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches: the list of what is on a base, and how all of it moves to another
 * one. Knows of each watch only that it can move.
 */
#include "config.h"

#include <stdbool.h>
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

/*
 * Moves all of them, by another list: code of the program may run meanwhile, and
 * stop any of them, or start others.
 */
static int watch_move_all(struct afi_watches *watches, bool stop_on_error)
{
	struct afi_watches moved = LIST_HEAD_INITIALIZER(moved);
	struct afi_watch *watch;
	int error = 0, r;

	while ((watch = LIST_FIRST(watches))) {
		LIST_REMOVE(watch, entry);
		LIST_INSERT_HEAD(&moved, watch, entry);
		if (error < 0 && stop_on_error)
			continue;
		r = watch->move(watch);
		if (r < 0)
			error = r;
	}
	while ((watch = LIST_FIRST(&moved))) {
		LIST_REMOVE(watch, entry);
		LIST_INSERT_HEAD(watches, watch, entry);
	}
	return error;
}

int afi_watches_move_back(struct afi_watches *watches, struct event_base **base,
			  struct event_base *to)
{
	*base = to;
	return watch_move_all(watches, false);
}

int afi_watches_move(struct afi_watches *watches, struct event_base **base,
		     struct event_base *to)
{
	struct event_base *from = *base;
	int r;

	*base = to;
	r = watch_move_all(watches, true);
	/* Including the one that failed, which is on neither. */
	if (r < 0)
		afi_watches_move_back(watches, base, from);
	return r;
}
