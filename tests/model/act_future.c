/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions for futures: made by hand, chained, grouped, cancelled, dropped.
 */
#include <errno.h>

#include "model/world.h"
#include "support/harness.h"

bool act_sleep(const uint32_t *arg)
{
	struct timeval time = { 0, arg[0] };
	struct node *node = world_node(SLEEP);

	node->earliest = now_us() + arg[0];
	world_start(node, af_sleep(world.loop, &time));
	return true;
}

static void on_cancel(struct af_future *f, void *arg)
{
	struct node *node = arg;

	must(!af_future_is_done(f) && node->cancels++ == 0, node);
	/* It may find an end of its own. */
	if (node->objects) {
		node->given = true;
		node->gift = -EPROTO;
		must(af_future_fail(f, -EPROTO) == 0, node);
	}
}

bool act_maker(const uint32_t *arg)
{
	struct node *node = world_node(MAKER);

	node->objects = arg[0] == 3;
	world_start(node, af_future_new(world.loop, on_cancel, node));
	return true;
}

bool act_give(const uint32_t *arg)
{
	struct node *node = world_pick(arg[0]);
	int error = arg[1] ? -EPROTO : 0;
	int r, expected;

	if (!node)
		return false;
	expected = af_future_is_done(node->f) ? -EALREADY
		   : node->kind == MAKER      ? 0
					      : -EINVAL;
	r = error ? af_future_fail(node->f, error)
		  : af_future_resolve(node->f, node, NULL);
	must(r == expected, node);
	if (r == 0) {
		node->given = true;
		node->gift = error;
	}
	return true;
}

/* What a function returns: nothing, a new future, or any. */
static struct node *choose(unsigned choice, size_t n_before)
{
	struct node *next = world_pick(choice == 4 ? 3 : 0);

	if (!next || choice < 3 || (choice == 3 && next->id < n_before))
		return NULL;
	return next;
}

static void add_part(struct node *node, struct node *part)
{
	if (node->canceled)
		model_cancel(part);
	if (!model_is_pending(part))
		node->done_first |= 1u << node->n_parts;
	node->parts[node->n_parts++] = part->same ? part->same : part;
}

static struct af_future *go_on(struct af_future *done, void *arg)
{
	struct node *node = arg, *next;
	size_t n_before = world.n_nodes;

	must(af_future_is_done(done) && node->calls++ == 0, node);
	must(!node->silenced, node);
	node->running = true;
	world_body(node->body);
	node->running = false;
	if (node->limit == 5)
		return done;
	next = choose(node->limit, n_before);
	if (!next)
		return NULL;
	add_part(node, next);
	/* Done itself passes its outcome on, and no reference. */
	return next->f == done ? done : af_future_ref(next->f);
}

bool act_chain(const uint32_t *arg)
{
	static const enum call_on ons[] = { ON_SUCCESS, ON_FAILURE, ON_BOTH };
	struct node *source = world_pick(arg[0]), *node;
	struct af_future *f;

	if (!source)
		return false;
	node = world_node(LINK);
	add_part(node, source);
	node->on = ons[arg[1] % 3];
	node->body = arg[2];
	node->limit = arg[3];
	f = af_future_ref(source->f);
	if (node->on == ON_SUCCESS)
		f = af_then(f, go_on, node);
	else if (node->on == ON_FAILURE)
		f = af_catch(f, go_on, node);
	else
		f = af_finally(f, go_on, node);
	world_start(node, f);
	return true;
}

bool act_group(const uint32_t *arg)
{
	static const enum kind_of kinds[] = { ALL, SETTLED, RACE, ANY };
	static struct af_future *(*const make[])(
		struct af_loop *, struct af_future **,
		size_t) = { af_all, af_all_settled, af_race, af_any };
	unsigned kind = arg[1] % 4;
	struct af_future *futures[MAX_PARTS];
	struct node *node;

	if (!world_pick(0))
		return false;
	node = world_node(kinds[kind]);
	for (uint32_t i = 0; i <= arg[2] % MAX_PARTS; i++) {
		struct node *part = world_pick(arg[0] + i * arg[3]);

		add_part(node, part);
		futures[i] = af_future_ref(part->f);
		/* The losers will be. */
		if (kind >= 2)
			model_cancel(part);
	}
	world_start(node, make[kind](world.loop, futures, node->n_parts));
	return true;
}

bool act_timed(const uint32_t *arg)
{
	struct node *part = world_pick(arg[0]), *node;
	struct timeval time = { 0, arg[1] };
	struct af_future *f;

	if (!part)
		return false;
	node = world_node(TIMED);
	add_part(node, part);
	model_cancel(part);
	f = af_with_timeout(af_future_ref(part->f), &time);
	if (f == part->f)
		node->same = part->same ? part->same : part;
	world_start(node, f);
	return true;
}

bool act_shield(const uint32_t *arg)
{
	struct node *part = world_pick(arg[0]), *node;

	if (!part)
		return false;
	node = world_node(SHIELD);
	add_part(node, part);
	world_start(node, af_shield(af_future_ref(part->f)));
	return true;
}

static struct af_future *make_next(void *arg)
{
	struct node *node = arg, *next;
	size_t n_before = world.n_nodes;

	must(!node->running && !node->ended && !node->silenced, node);
	if (node->calls++ >= node->limit)
		return NULL;
	node->running = true;
	world_body(node->body);
	node->running = false;
	next = choose(3, n_before);
	if (!next)
		return NULL;
	add_part(node, next);
	if (model_waits_for(next, node))
		node->refused = next;
	return af_future_ref(next->f);
}

bool act_map(const uint32_t *arg)
{
	struct node *node = world_node(MAP);

	node->body = arg[0];
	node->limit = arg[1] % (MAX_PARTS + 1);
	node->settle = arg[3];
	world_start(node, af_map(world.loop, make_next, node, 1 + arg[2],
				 node->settle ? AFIO_SETTLE : 0));
	return true;
}

bool act_cancel(const uint32_t *arg)
{
	struct node *node = world_pick(arg[0]);
	struct af_future *f;
	bool pending;

	if (!node)
		return false;
	f = af_future_ref(node->f);
	pending = !af_future_is_done(f);
	model_cancel(node);
	model_will_cancel(node);
	af_future_cancel(f);
	af_future_cancel(f);
	if (pending)
		model_expect_canceled(node);
	/* A part may have failed before. */
	if (pending && node->kind <= MAKER && node->kind != BOTH)
		must(af_future_error(f) ==
			     (node->given ? node->gift : -ECANCELED),
		     node);
	af_future_unref(f);
	return true;
}

bool act_drop(const uint32_t *arg)
{
	if (!world_pick(arg[0]))
		return false;
	world_drop(arg[0]);
	return true;
}

bool act_watch(const uint32_t *arg)
{
	struct node *node = world_pick(arg[0]);

	if (!node)
		return false;
	model_watch(node);
	return true;
}
