/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiters that can be removed again, in constant time. In the list, only these
 * have a link to the one before. Does not know what waits.
 */
#include "config.h"

#include <assert.h>

#include "base/container.h"
#include "future/future.h"

void afi_waiter_tied(void)
{
}

void afi_future_tie(struct af_future *f, struct afi_tie *tie,
		    void (*run)(struct afi_waiter *, struct af_future *),
		    struct af_future *child)
{
	assert(!f->done);
	tie->waiter = (struct afi_waiter){
		.run = run,
		.fn = afi_waiter_tied,
		.child = child,
	};
	tie->before = f->waiters ? f->last_waiter : NULL;
	if (f->waiters)
		f->last_waiter->next = &tie->waiter;
	else
		f->waiters = &tie->waiter;
	f->last_waiter = &tie->waiter;
}

void afi_future_untie(struct af_future *f, struct afi_tie *tie)
{
	struct afi_waiter *waiter = &tie->waiter, *next = waiter->next;

	if (!waiter->run)
		return;
	waiter->run = NULL;
	/* Waiters run in order: before exists unless this one is the first. */
	if (f->waiters == waiter)
		f->waiters = next;
	else
		tie->before->next = next;
	if (!next)
		f->last_waiter = tie->before;
	else if (next->fn == afi_waiter_tied)
		AFI_CONTAINER(next, struct afi_tie, waiter)->before =
			tie->before;
}
