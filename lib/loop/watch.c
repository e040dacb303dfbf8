/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving: what is on the loop's base, and how all of it goes to another one.
 * Knows of each thing only that it can move.
 */
#include "config.h"

#include "loop/loop.h"

void afi_loop_watch(struct af_loop *loop, struct afi_watch *watch,
		    int (*move)(struct afi_watch *))
{
	if (watch->move)
		return;
	watch->move = move;
	LIST_INSERT_HEAD(&loop->watches, watch, entry);
}

void afi_watch_stop(struct afi_watch *watch)
{
	if (!watch->move)
		return;
	LIST_REMOVE(watch, entry);
	watch->move = NULL;
}

void afi_loop_move_back(struct af_loop *loop, struct event_base *to)
{
	struct afi_watch *watch;

	loop->base = to;
	afi_loop_move_kick(loop);
	afi_mailbox_move(loop);
	LIST_FOREACH (watch, &loop->watches, entry)
		watch->move(watch);
}

int afi_loop_move(struct af_loop *loop, struct event_base *to)
{
	struct event_base *from = loop->base;
	struct afi_watch *watch;
	int r;

	loop->base = to;
	afi_loop_move_kick(loop);
	r = afi_mailbox_move(loop);
	LIST_FOREACH (watch, &loop->watches, entry)
		if (r == 0)
			r = watch->move(watch);
	/* With the one that failed. */
	if (r < 0)
		afi_loop_move_back(loop, from);
	return r;
}
