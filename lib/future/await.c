/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nested wait: which base it runs, how it moves there and back, and when it
 * cannot end. libevent refuses to run a base from inside one of its callbacks,
 * and prints a warning. So the wait must first find out where it is called.
 *
 *   the stack              libevent          what a wait there runs
 *
 *   af_loop_run            -
 *     continuation         not dispatching   the same base, nested
 *       af_await           -
 *     event_base_loop      dispatching
 *       a raw callback                       a private base, where the loop's
 *         af_await                           things are meanwhile
 */
#include "config.h"

#include <errno.h>

#include "base/evbase.h"
#include "future/await.h"

static bool await_needs_private_base(const struct af_loop *loop)
{
	if (loop->freed)
		return false; /* it turns none: see await_drive() */
	if (loop->drivers > 0)
		return loop->turning;
	if (!loop->owns_home)
		return true;
	return loop->home_shared && afi_base_is_running(loop->home);
}

/* Moves everything to a private base: 0 or -errno. */
static int await_move(struct af_loop *loop)
{
	int r;

	if (!loop->spare)
		loop->spare = afi_base_new(loop->home);
	if (!loop->spare)
		return -errno;
	/* Drop idle watches first, so that they need not be moved. */
	afi_loop_settle_all(loop);
	r = afi_loop_move(loop, loop->spare);
	if (r == 0)
		loop->spare = NULL;
	else /* what had moved is back */
		afi_base_finish(loop->spare);
	return r;
}

/* Begins to drive the loop, from wherever that is possible: 0 or -errno. */
static int await_enter(struct af_loop *loop, struct afi_await *await)
{
	int r = 0;

	await->base = loop->base;
	await->turning = loop->turning;
	/* The program may free the loop meanwhile: the bases stay. */
	loop->calls++;
	if (await_needs_private_base(loop))
		r = await_move(loop);
	if (r < 0) {
		afi_loop_called(loop);
		return r;
	}
	loop->turning = false;
	await->outer = loop->awaits;
	loop->awaits = await;
	loop->depth++;
	afi_loop_enter(loop);
	loop->calls--;
	return 0;
}

static void await_leave(struct af_loop *loop, struct afi_await *await)
{
	struct event_base *inner = loop->base;

	/* In a child by fork(2) the bases and their descriptors are shared. */
	if (!afi_loop_is_here(loop))
		inner = await->base;
	loop->depth--;
	loop->awaits = await->outer;
	loop->turning = await->turning;
	if (inner != await->base) {
		afi_loop_move_back(loop, await->base);
		afi_base_finish(inner);
		if (loop->spare) {
			afi_mailbox_leave(&loop->mailbox, inner);
			event_base_free(inner);
		} else {
			loop->spare = inner;
		}
		/* Timers that are added now must not count from before. */
		event_base_update_cache_time(await->base);
	}
	afi_loop_exit(loop);
}

static void await_on_timeout(struct afi_deadline *deadline)
{
	bool *timed_out = deadline->arg;

	*timed_out = true;
}

/* Whether something has begun to wait that this wait may depend on. */
static bool await_is_stuck(struct afi_await *await)
{
	unsigned now = await->future->loop->maybe_stuck;

	if (await->maybe_stuck == now)
		return false;
	await->maybe_stuck = now;
	return afi_future_needs(await->future, NULL);
}

/* Turns the loop until the future is done; 0, or why it cannot go on. */
static int await_drive(struct af_loop *loop, struct afi_await *await,
		       const struct timeval *timeout)
{
	struct af_future *f = await->future;
	bool wait = !afi_timeout_zero(timeout), timed_out = false;
	struct afi_deadline deadline = { .arg = &timed_out };
	int r = 0;

	if (timeout && wait)
		r = afi_deadline_start(&deadline, loop, timeout,
				       await_on_timeout);
	while (r == 0 && !f->done && !await->forgotten) {
		afi_loop_round(loop, &f->done);
		if (f->done || await->forgotten)
			break;
		if (timed_out)
			r = -ETIMEDOUT;
		else if (await_is_stuck(await))
			r = -EDEADLK;
		else if (loop->freed)
			r = TAILQ_EMPTY(&loop->ready);
		else
			r = afi_loop_turn(loop, wait);
		if (r == 1) /* nothing to wait for, and nothing ready */
			r = wait ? -EDEADLK : 0;
		timed_out |= !wait;
	}
	if (deadline.loop)
		afi_deadline_stop(&deadline);
	return r;
}

int af_await_for(struct af_future *f, const struct timeval *timeout)
{
	struct afi_await await = { .future = f };
	struct af_loop *loop;
	int r;

	if (!f || !afi_timeout_valid(timeout))
		return -EINVAL;
	if (f->done)
		return f->error;
	loop = f->loop;
	r = afi_loop_check(loop);
	if (r < 0)
		return r;
	if (loop->depth >= loop->max_depth)
		return -ELOOP;
	if (afi_future_needs(f, NULL))
		return -EDEADLK;
	await.maybe_stuck = loop->maybe_stuck;
	af_future_ref(f);
	r = await_enter(loop, &await);
	if (r < 0) {
		af_future_unref(f);
		return r;
	}
	r = await_drive(loop, &await, timeout);
	if (await.forgotten)
		r = -ECANCELED;
	else if (f->done)
		r = f->error;
	af_future_unref(f);
	await_leave(loop, &await);
	return r;
}

int af_await(struct af_future *f)
{
	/* Said twice, because much of what is awaited is done already. */
	if (f && f->done)
		return f->error;
	return af_await_for(f, NULL);
}

int af_loop_set_max_depth(struct af_loop *loop, unsigned depth)
{
	if (!loop || depth == 0)
		return -EINVAL;
	if (!afi_loop_is_mine(loop))
		return -EPERM;
	loop->max_depth = depth;
	return 0;
}

unsigned af_loop_max_depth(const struct af_loop *loop)
{
	return loop ? loop->max_depth : 0;
}
