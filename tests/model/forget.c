/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model of af_future_forget(): which futures it reaches, which of their
 * done functions never run, and what fails because it has lost a part. Where
 * the program has no reference left, and so nobody knows whether a future is
 * done, both is allowed.
 */
#include <errno.h>

#include "model/world.h"
#include "support/harness.h"

static void reach(struct node *node, bool sure);

static void drop_watches(struct node *node, bool sure)
{
	for (struct watch *watch = node->watches; watch; watch = watch->next) {
		watch->dropped |= sure && !watch->ran;
		watch->unsure = true;
	}
}

/* It is waiting for a future that is reached. */
static void orphan(struct node *node, bool sure)
{
	node->orphan = true;
	/* Its function is never called, or not again. */
	if (sure && !node->running && model_is_pending(node))
		node->silenced = true;
}

static bool waits_for(const struct node *node, const struct node *part)
{
	if (node->kind == LINK)
		return node->parts[node->n_parts - 1] == part;
	for (unsigned i = 0; i < node->n_parts; i++)
		if (node->parts[i] == part && part != node->refused &&
		    !(node->done_first & 1u << i))
			return true;
	return false;
}

static void reach_parts(struct node *node, bool sure)
{
	unsigned first = node->kind == LINK ? node->n_parts - 1 : 0;

	for (unsigned i = first; i < node->n_parts; i++)
		/* A map keeps no part that was done when it was made. */
		if (node->parts[i] != node->refused &&
		    (node->kind != MAP || !(node->done_first & 1u << i)))
			reach(node->parts[i], sure);
}

/* What was done before has run some of its functions, maybe not all. */
static void reach(struct node *node, bool sure)
{
	bool known = model_handle(node);

	if (node->visited == world.n_forgets)
		return;
	node->visited = world.n_forgets;
	node->forgets++;
	sure = sure && !node->ended;
	drop_watches(node, sure);
	for (size_t i = 0; i < world.n_nodes; i++) {
		struct node *other = world.nodes[i];

		if (other->same == node || node->same == other)
			reach(other, sure);
		if (!other->ended && waits_for(other, node))
			orphan(other, sure);
	}
	if (node->ended || (known && !model_is_pending(node)))
		return;
	if (node->kind > LINK)
		orphan(node, sure && known);
	if (node->kind >= LINK && node->kind != SHIELD)
		reach_parts(node, sure && known);
}

/* These have ended at once; and there is a new done function for each. */
static void check(struct node *node, bool reached)
{
	if (node->silenced && model_handle(node) && !node->ended)
		must(!model_is_pending(node) && model_is_canceled(node), node);
	if (!reached || node->ended)
		return;
	node->lost = !model_handle(node);
	if (!node->lost)
		model_watch(node);
}

bool act_forget(const uint32_t *arg)
{
	struct node *node = world_pick(arg[0]);
	struct af_future *f;

	if (!node || model_freed)
		return false;
	world.n_forgets = model_visit();
	reach(node, true);
	f = af_future_ref(node->f);
	world_drop(arg[0]);
	af_future_forget(f);
	for (size_t i = 0; i < world.n_nodes; i++)
		check(world.nodes[i],
		      world.nodes[i]->visited == world.n_forgets);
	return true;
}
