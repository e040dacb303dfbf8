/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world: runs the instructions of a program.
 */
#include <stdlib.h>

#include "model/world.h"
#include "support/harness.h"

struct world world;

static const act_fn acts[OP_COUNT] = {
	[OP_OPEN] = act_open,	      [OP_CLOSE] = act_close,
	[OP_ATTACH] = act_attach,     [OP_LIMIT] = act_limit,
	[OP_SHUTDOWN] = act_shutdown, [OP_FINISH] = act_finish,
	[OP_READ] = act_read,	      [OP_LINE] = act_line,
	[OP_UNTIL] = act_until,	      [OP_PEEK] = act_peek,
	[OP_UNREAD] = act_unread,     [OP_EACH] = act_each,
	[OP_WRITE] = act_write,	      [OP_EMPTY] = act_empty,
	[OP_COPY] = act_copy,	      [OP_COPY_BOTH] = act_copy_both,
	[OP_SEEK] = act_seek,	      [OP_READ_AT] = act_read_at,
	[OP_WRITE_AT] = act_write_at, [OP_HERE] = act_here,
	[OP_SYNC] = act_sync,	      [OP_HANGUP] = act_hangup,
	[OP_IDLE] = act_idle,	      [OP_WORK] = act_work,
	[OP_WAIT] = act_wait,	      [OP_KICK] = act_kick,
	[OP_SLEEP] = act_sleep,	      [OP_MAKER] = act_maker,
	[OP_GIVE] = act_give,	      [OP_CHAIN] = act_chain,
	[OP_GROUP] = act_group,	      [OP_TIMED] = act_timed,
	[OP_SHIELD] = act_shield,     [OP_MAP] = act_map,
	[OP_CANCEL] = act_cancel,     [OP_DROP] = act_drop,
	[OP_FORGET] = act_forget,     [OP_WATCH] = act_watch,
	[OP_AWAIT] = act_await,	      [OP_POST] = act_post,
	[OP_RAW] = act_raw,	      [OP_RUN] = act_run,
	[OP_TURN] = act_turn,	      [OP_FREE] = act_free,
	[OP_FAULT] = act_fault,
};

static void run_body(unsigned body)
{
	const struct program *program = world.program;

	world.level++;
	for (size_t i = 0; i < program->n; i++) {
		const struct instruction *in = &program->list[i];

		if (in->body != body)
			continue;
		if (!world.loop || world.steps >= MAX_STEPS)
			break;
		world.steps++;
		world.operations += acts[in->op](in->arg);
		/* It was freed in a callback: go on with another one. */
		if (body == 0 && !world.loop) {
			world_end(false);
			world_begin(false);
		}
	}
	world.level--;
}

void world_body(unsigned body)
{
	/* 0 is that of the program itself: nothing. */
	if (body > 0 && world.level < MAX_LEVELS)
		run_body(body);
}

struct node *world_node(enum kind_of kind)
{
	struct node *node = calloc(1, sizeof *node);

	if (world.n_nodes == world.room) {
		world.room = 2 * world.room + 64;
		world.nodes = realloc(world.nodes,
				      world.room * sizeof(struct node *));
	}
	must(node && world.nodes, NULL);
	node->kind = kind;
	node->at = now_us();
	node->id = (unsigned)world.n_nodes;
	world.nodes[world.n_nodes++] = node;
	return node;
}

/* Another copy in both directions has passed an end on, and may not say so. */
static bool is_shut(const struct stream *s, const struct node *by)
{
	for (size_t i = 0; i < world.n_nodes; i++) {
		const struct node *node = world.nodes[i];

		if (node->is_half && node != by && node->to == s &&
		    node->keep && af_future_flags(node->keep) == AFIO_EOF)
			return true;
	}
	return s->shut;
}

/* An operation on a file whose end was asked for. */
static void note_end(struct node *node, const struct stream *s, bool writes)
{
	node->barred |= s->finishing[writes];
	node->canceled |= s->finishing[writes];
	if (node->kind != FINISH)
		node->too_late |=
			s->finished[writes] || (writes && is_shut(s, node));
}

/* From now on it is watched. */
static void start(struct node *node)
{
	if (node->kind <= FINISH && node->stream)
		note_end(node, node->stream, false);
	if (node->kind <= FINISH && node->to)
		note_end(node, node->to, true);
	if (node->kind <= EACH || node->kind == COPY)
		stream_add_read(node->stream, node);
	if (node->kind == WRITE || node->kind == COPY)
		stream_add(node->to, node);
	model_watch(node);
}

struct node *world_start(struct node *node, struct af_future *f)
{
	must(f, node);
	node->f = f;
	/* Of the others, every other one has only the program's reference. */
	if (node->kind <= COPY || node->kind == WORK || node->id % 2)
		node->keep = af_future_ref(f);
	start(node);
	if (world.n_live == MAX_LIVE)
		world_drop(MAX_LIVE - 1);
	world.live[world.n_live++] = node;
	return node;
}

void world_start_part(struct node *node, struct af_future *f)
{
	must(f, node);
	node->keep = af_future_ref(f);
	start(node);
}

struct node *world_pick(uint32_t index)
{
	if (world.n_live == 0)
		return NULL;
	return world.live[world.n_live - 1 - index % world.n_live];
}

void world_drop(unsigned index)
{
	unsigned at = world.n_live - 1 - index % world.n_live;
	struct node *node = world.live[at];
	struct af_future *f = node->f;

	world.n_live--;
	for (; at < world.n_live; at++)
		world.live[at] = world.live[at + 1];
	node->f = NULL;
	af_future_unref(f);
}

void world_begin(bool own)
{
	world.own = own;
	model_freed = false;
	world.n_posted = world.n_posts_run = 0;
	if (!own)
		world.base = event_base_new();
	world.loop = af_loop_new(own ? NULL : world.base);
	must(world.loop, NULL);
	if (own)
		world.base = af_loop_base(world.loop);
	must(world.base, NULL);
	act_raw_assign();
}

void world_run(const struct program *program)
{
	world.program = program;
	world.steps = 0;
	world.bytes = 0;
	world.level = world.depth = 0;
	world_begin(false);
	run_body(0);
	world_end(true);
}
