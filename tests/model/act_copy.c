/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions that copy, in one direction or in both.
 */
#include <errno.h>

#include "model/world.h"

/* Whether bytes of one stream come to another one, by copies without end. */
static bool leads(const struct stream *from, const struct stream *to)
{
	for (size_t i = 0; from != to && i < world.n_nodes; i++) {
		const struct node *node = world.nodes[i];

		if (node->kind == COPY && node->stream == from &&
		    node->size == SIZE_MAX && model_is_pending(node) &&
		    leads(node->to, to))
			return true;
	}
	return from == to;
}

bool act_copy(const uint32_t *arg)
{
	struct stream *from = world_stream(arg[0]), *to = world_stream(arg[1]);
	const struct timeval *time = act_time(arg[3]);
	struct node *node;

	if (from == to)
		to = world_stream(arg[1] + 1);
	if (!from || from == to || !from->reader || !to->writer)
		return false;
	/* Nothing goes round for ever. */
	if (arg[2] == 0 && leads(to, from))
		return false;
	node = world_node(COPY);
	node->stream = from;
	node->to = to;
	node->timed = time;
	node->size = arg[2] > 0 ? arg[2] : SIZE_MAX;
	node->known = from->n_known;
	world_start(node,
		    af_file_copy(from->reader, to->writer,
				 arg[2] > 0 ? (int64_t)arg[2] : -1, time));
	return true;
}

static struct node *half(struct node *both, struct stream *from,
			 struct stream *to)
{
	struct node *node = world_node(COPY);

	node->stream = from;
	node->to = to;
	node->at = both->at;
	node->timed = both->timed;
	node->size = SIZE_MAX;
	node->is_half = true;
	node->canceled = true; /* when the other one fails */
	to->halved = to->gone[1] = true;
	both->parts[both->n_parts++] = node;
	return node;
}

static bool is_copying_both(void)
{
	for (size_t i = 0; i < world.n_nodes; i++)
		if (world.nodes[i]->kind == BOTH && !world.nodes[i]->ended)
			return true;
	return false;
}

/* One at a time, or they may wait for each other. */
bool act_copy_both(const uint32_t *arg)
{
	const struct timeval *time = act_time(arg[1]);
	struct stream *a, *b;
	struct af_future *f;
	struct node *node;

	if (model_freed || is_copying_both())
		return false;
	a = world_two_ways(arg[0], false);
	b = world_two_ways(arg[0] + 1, true);
	if (leads(b, a) || leads(a->back, b->back) ||
	    (leads(b, b->back) && leads(a->back, a)))
		return false;
	node = world_node(BOTH);
	node->timed = time;
	node->barred = a->finishing[0] || b->finishing[1];
	node->canceled = node->barred;
	f = af_file_copy_both(a->reader, b->writer, time);
	if (af_future_part(f, 0)) {
		world_start_part(half(node, a, b), af_future_part(f, 0));
		world_start_part(half(node, b->back, a->back),
				 af_future_part(f, 1));
	}
	must(node->n_parts > 0 || af_future_error(f) == -EBADF, node);
	world_start(node, f);
	return true;
}
