/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nested wait.
 */
#include "config.h"

#include <errno.h>

#include "future.h"

int af_await(struct af_future *f)
{
	struct af_loop *loop;
	int r = 0;

	if (!f)
		return -EINVAL;
	if (f->done)
		return f->error;
	if (afi_future_is_stuck(f))
		return -EDEADLK;
	loop = f->loop;
	af_future_ref(f);
	afi_loop_enter(loop);
	while (!f->done) {
		afi_loop_round(loop, &f->done);
		if (f->done)
			break;
		r = afi_loop_turn(loop);
		if (r < 0)
			break;
		if (r == 1 && TAILQ_EMPTY(&loop->ready) && !f->done) {
			r = -EDEADLK;
			break;
		}
	}
	afi_loop_exit(loop);
	if (f->done)
		r = f->error;
	af_future_unref(f);
	return r;
}
