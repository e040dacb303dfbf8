/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop's watches, moved to the base of a nested wait and back.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "loop/loop.h"

int afi_loop_move(struct af_loop *loop, struct event_base *to)
{
	int r;

	if (loop->moving)
		return -ENOTSUP;
	loop->moving = true;
	r = afi_watches_move(&loop->watches, &loop->base, to);
	loop->moving = false;
	return r;
}

static void move_strand(struct afi_task *task)
{
	struct af_loop *loop = AFI_CONTAINER(task, struct af_loop, strand);

	afi_loop_move_back(loop, loop->base);
}

void afi_loop_move_back(struct af_loop *loop, struct event_base *to)
{
	int r;

	loop->moving = true;
	r = afi_watches_move_back(&loop->watches, &loop->base, to);
	loop->moving = false;
	if (r < 0 && !loop->strand.run)
		afi_loop_later(loop, &loop->strand, move_strand);
}
