/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lookout: one timer, and the list of what it looks at. Knows nothing of
 * what that is.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "base/evbase.h"
#include "loop/deadline.h"
#include "loop/loop.h"

/* The longest interval, in milliseconds. */
#define LOOKOUT_MAX 50

static int64_t lookout_now(void)
{
	return afi_now() / 1000000;
}

/* Things with equal intervals are due together, so that they share a timer. */
static void lookout_schedule(struct afi_looked *looked, int64_t now)
{
	looked->due = (now / looked->interval + 1) * looked->interval;
}

static void lookout_on_timer(evutil_socket_t fd, short what, void *arg);

/* Arms the timer for what is due first; the list is not empty. */
static int lookout_arm(struct af_loop *loop)
{
	struct afi_lookout *lookout = &loop->lookout;
	const struct afi_looked *looked;
	int64_t due = INT64_MAX, left;
	struct timeval tv = { 0, 0 };
	bool keeps = false;

	LIST_FOREACH (looked, &lookout->list, entry) {
		due = looked->due < due ? looked->due : due;
		keeps |= looked->keeps;
	}
	left = due - lookout_now();
	if (left > 0)
		tv.tv_usec = (suseconds_t)left * 1000;
	if (lookout->watch.move)
		event_del(&lookout->event);
	evtimer_assign(&lookout->event, loop->base, lookout_on_timer, loop);
	if (!keeps)
		afi_event_set_internal(&lookout->event);
	/* Inside a callback libevent counts from the beginning of the turn. */
	event_base_update_cache_time(loop->base);
	return event_add(&lookout->event, &tv) ? -ENOMEM : 0;
}

static int lookout_move(struct afi_watch *watch)
{
	return lookout_arm(AFI_CONTAINER(watch, struct af_loop, lookout.watch));
}

/* Looks at what is due. Each look may take any of them out of its list. */
static void lookout_look(struct af_loop *loop, int64_t now)
{
	struct afi_looked_list *list = &loop->lookout.list, rest;
	struct afi_looked *looked;

	LIST_INIT(&rest);
	while ((looked = LIST_FIRST(list))) {
		LIST_REMOVE(looked, entry);
		LIST_INSERT_HEAD(&rest, looked, entry);
	}
	while ((looked = LIST_FIRST(&rest))) {
		LIST_REMOVE(looked, entry);
		LIST_INSERT_HEAD(list, looked, entry);
		if (looked->due > now)
			continue;
		looked->interval = looked->interval * 2 < LOOKOUT_MAX
					   ? looked->interval * 2
					   : LOOKOUT_MAX;
		lookout_schedule(looked, now);
		looked->look(looked);
	}
}

static void lookout_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct af_loop *loop = arg;

	(void)fd;
	(void)what;
	if (!afi_loop_is_here(loop))
		return;
	lookout_look(loop, lookout_now());
	if (LIST_EMPTY(&loop->lookout.list))
		return;
	/* It stopped if the list was empty for a moment. */
	afi_loop_watch(loop, &loop->lookout.watch, lookout_move);
	/* Without memory for a timer, in the next turn. */
	if (lookout_arm(loop) < 0)
		event_active(&loop->lookout.event, EV_TIMEOUT, 0);
}

int afi_lookout_start(struct af_loop *loop, struct afi_looked *looked,
		      int first, bool keeps, void (*look)(struct afi_looked *))
{
	int64_t now = lookout_now();
	int r;

	if (!looked->look)
		LIST_INSERT_HEAD(&loop->lookout.list, looked, entry);
	else if (looked->due <= now + first && looked->keeps == keeps)
		return 0;
	looked->look = look;
	looked->keeps = keeps;
	looked->interval = first;
	lookout_schedule(looked, now);
	r = lookout_arm(loop);
	if (r < 0)
		afi_lookout_stop(loop, looked);
	else
		afi_loop_watch(loop, &loop->lookout.watch, lookout_move);
	return r;
}

void afi_lookout_stop(struct af_loop *loop, struct afi_looked *looked)
{
	if (!looked->look)
		return;
	LIST_REMOVE(looked, entry);
	looked->look = NULL;
	if (!LIST_EMPTY(&loop->lookout.list))
		return;
	if (loop->lookout.watch.move)
		event_del(&loop->lookout.event);
	afi_watch_stop(&loop->lookout.watch);
}
