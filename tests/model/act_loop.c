/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that drive the loop, wait, and free it.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "model/world.h"
#include "support/harness.h"

const struct timeval *act_time(uint32_t arg)
{
	static struct timeval time;

	time.tv_usec = arg - 1;
	return arg > 0 ? &time : NULL;
}

/* A file that cannot leave the program's base may be in use. */
static bool may_be_fixed(void)
{
	for (int i = 0; i < N_STREAMS; i++)
		if (world.streams[i] && world.streams[i]->fixed)
			return true;
	return false;
}

bool act_await(const uint32_t *arg)
{
	struct node *node = world_pick(arg[0]);
	struct timeval time = { 0, arg[1] };
	struct af_future *f;
	unsigned forgets;
	int r;

	if (!node || world.depth >= MAX_WAITS || model_freed)
		return false;
	world.depth++;
	f = af_future_ref(node->f);
	forgets = node->forgets;
	r = af_await_for(f, &time);
	if (r == -ECANCELED && node->forgets > forgets)
		;
	else if (af_future_is_done(f))
		must(r == af_future_error(f), node);
	else
		must(r == -ETIMEDOUT || r == -EDEADLK ||
			     (r == -ENOTSUP && may_be_fixed()),
		     node);
	af_future_unref(f);
	world.depth--;
	return true;
}

static void run_post(void *arg)
{
	uintptr_t order = (uintptr_t)arg;

	must(order / MAX_BODIES == world.n_posts_run, NULL);
	world.n_posts_run++;
	world_body(order % MAX_BODIES);
}

bool act_post(const uint32_t *arg)
{
	uintptr_t order = world.n_posted * MAX_BODIES + arg[0] % MAX_BODIES;

	if (model_freed)
		return false;
	world.n_posted++;
	must(af_loop_post(world.loop, run_post, (void *)order) == 0, NULL);
	return true;
}

static void on_raw(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	world.depth++;
	world_body(world.raw_body);
	world.depth--;
}

void act_raw_assign(void)
{
	event_assign(&world.raw, world.base, -1, 0, on_raw, NULL);
}

bool act_raw(const uint32_t *arg)
{
	if (model_freed)
		return false;
	world.raw_body = arg[0];
	event_active(&world.raw, EV_TIMEOUT, 0);
	return true;
}

static void on_stop(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	if (world.loop)
		af_loop_stop(world.loop);
}

bool act_run(const uint32_t *arg)
{
	struct timeval time = { 0, arg[0] };

	if (world.depth > 0 || world.level > 1 || model_freed)
		return false;
	world.depth++;
	af_on_done(af_sleep(world.loop, &time), on_stop, NULL);
	must(af_loop_run(world.loop) == 0 || !world.loop, NULL);
	world.depth--;
	return true;
}

bool act_turn(const uint32_t *arg)
{
	if (world.depth > 0 || world.level > 1 || model_freed)
		return false;
	world.depth++;
	for (uint32_t i = 0; i <= arg[0] && world.loop; i++)
		must(event_base_loop(world.base, EVLOOP_NONBLOCK) >= 0, NULL);
	world.depth--;
	return true;
}

bool act_free(const uint32_t *arg)
{
	struct af_loop *loop = world.loop;

	if (model_freed)
		return false;
	if (world.level == 1 && world.depth == 0) {
		world_end(false);
		world_begin(arg[0]);
		return true;
	}
	if (world.own || world.opening)
		return false;
	model_freed = true;
	af_loop_free(loop);
	world.loop = NULL;
	return true;
}

/* A mistake of the program's own, for the test of the shrinker. */
bool act_fault(const uint32_t *arg)
{
	bool sleep_pending = false;

	for (size_t i = 0; i < world.n_nodes; i++)
		if (world.nodes[i]->kind == SLEEP && !world.nodes[i]->ended)
			sleep_pending = true;
	if (!arg[1] && !sleep_pending)
		return true;
	switch (arg[0]) {
	case 0:
		must(arg[0] != 0, NULL);
		break;
	case 1:
		_exit(3);
	case 2:
		for (;;)
			pause();
	default:
		raise(SIGSEGV);
	}
	return true;
}
