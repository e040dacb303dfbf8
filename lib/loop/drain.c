/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Draining the queue of what is ready: how much of it runs before the base is
 * polled again.
 */
#include "config.h"

#include "loop/loop.h"

/*
 * How many tasks run before the base is polled again, at most. One poll costs
 * about as much as ten tasks: so many that it does not show, so few that nobody
 * waits.
 */
#define ROUND_MAX 256
/* How many of them between two looks at the clock. */
#define BATCH_MAX 16

/* One task alone needs no clock. */
static unsigned drain_first_batch(struct af_loop *loop)
{
	const struct afi_task *first = TAILQ_FIRST(&loop->ready);

	afi_turn_begin(&loop->turn);
	loop->pace.looked = 0;
	if (!first || !TAILQ_NEXT(first, entry))
		return 1;
	return afi_pace_begin(&loop->pace, &loop->turn);
}

static unsigned drain_next_batch(struct af_loop *loop)
{
	if (loop->pace.looked == 0)
		return afi_pace_begin(&loop->pace, &loop->turn);
	return afi_pace_next(&loop->pace, &loop->turn, BATCH_MAX);
}

void afi_loop_run_ready(struct af_loop *loop, const bool *done)
{
	unsigned left = drain_first_batch(loop), n = 0;

	while (left > 0 && n < ROUND_MAX) {
		n += left;
		/* A task may run a round of its own: look the list up anew. */
		for (; left > 0; left--) {
			if (TAILQ_EMPTY(&loop->ready))
				return;
			afi_task_run_first(&loop->ready);
			if (afi_turn_state(&loop->turn) != AFI_TURN_ON ||
			    (done && *done))
				return;
		}
		if (!TAILQ_EMPTY(&loop->ready))
			left = drain_next_batch(loop);
	}
}
