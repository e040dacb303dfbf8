/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world: runs the instructions of a program, and at the end looks whether
 * everything has happened once.
 */
#include <stdlib.h>
#include <sys/socket.h>

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
	[OP_WRITE] = act_write,	      [OP_COPY] = act_copy,
	[OP_SEEK] = act_seek,	      [OP_READ_AT] = act_read_at,
	[OP_WRITE_AT] = act_write_at, [OP_SYNC] = act_sync,
	[OP_HANGUP] = act_hangup,     [OP_IDLE] = act_idle,
	[OP_WORK] = act_work,	      [OP_WAIT] = act_wait,
	[OP_KICK] = act_kick,	      [OP_SLEEP] = act_sleep,
	[OP_MAKER] = act_maker,	      [OP_GIVE] = act_give,
	[OP_CHAIN] = act_chain,	      [OP_GROUP] = act_group,
	[OP_TIMED] = act_timed,	      [OP_SHIELD] = act_shield,
	[OP_MAP] = act_map,	      [OP_CANCEL] = act_cancel,
	[OP_DROP] = act_drop,	      [OP_FORGET] = act_forget,
	[OP_WATCH] = act_watch,	      [OP_AWAIT] = act_await,
	[OP_POST] = act_post,	      [OP_RAW] = act_raw,
	[OP_RUN] = act_run,	      [OP_TURN] = act_turn,
	[OP_FREE] = act_free,	      [OP_FAULT] = act_fault,
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

/* An operation on a file whose end was asked for. */
static void note_end(struct node *node, const struct stream *s, bool writes)
{
	node->barred |= s->finishing[writes];
	node->canceled |= s->finishing[writes];
	if (node->kind != FINISH)
		node->too_late |= s->finished[writes] || (writes && s->shut);
}

struct node *world_start(struct node *node, struct af_future *f)
{
	must(f, node);
	node->f = f;
	if (node->kind <= FINISH && node->stream)
		note_end(node, node->stream, false);
	if (node->kind <= FINISH && node->to)
		note_end(node, node->to, true);
	/* Of the others, every other one has only the program's reference. */
	if (node->kind <= COPY || node->kind == WORK || node->id % 2)
		node->keep = af_future_ref(f);
	if (node->kind <= EACH || node->kind == COPY)
		stream_add_read(node->stream, node);
	if (node->kind == WRITE || node->kind == COPY)
		stream_add(node->to, node);
	model_watch(node);
	if (world.n_live == MAX_LIVE)
		world_drop(MAX_LIVE - 1);
	world.live[world.n_live++] = node;
	return node;
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

static void on_drained(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	af_loop_stop(world.loop);
}

void world_drive(struct node *node)
{
	if (node->f)
		af_on_done(af_future_ref(node->f), on_drained, NULL);
	while (!node->ended)
		must(af_loop_run(world.loop) == 0, node);
}

static void sleep_until_done(const struct node *node)
{
	while (!node->ended && !node->lost) {
		af_on_done(af_sleep(world.loop, &(struct timeval){ 0, 200 }),
			   on_drained, NULL);
		must(af_loop_run(world.loop) == 0, node);
	}
}

/* What waits for the other side to leave, and it has. */
static void wait_for_hangups(const struct stream *s, bool writes)
{
	for (size_t i = 0; i < world.n_nodes; i++) {
		const struct node *node = world.nodes[i];

		if (node->kind == HANGUP && node->stream == s &&
		    node->writes == writes)
			sleep_until_done(node);
	}
}

/* All that was written and not read comes out; then the end. */
static void drain(struct stream *s)
{
	struct node *node;

	if (!s->reader || s->finishing[0])
		return;
	if (s->endless)
		must(af_file_shutdown(s->reader, SHUT_RD) == 0, NULL);
	must(af_file_set_limit(s->reader, 0) == 0, NULL);
	node = world_node(READ);
	node->stream = s;
	node->full = true;
	node->known = s->n_known;
	world_start(node, af_file_read(s->reader, 0, 0, NULL));
	world_drive(node);
	must(node->error == 0 || s->rough, node);
	wait_for_hangups(s, false);
	/* A worker thread may still be writing to a disk. */
	must(stream_is_drained(s) || s->drops || s->rough || s->disk, node);
}

/* Nothing more is written. */
static void leave(struct stream *s)
{
	if (!s->reader && s->writer && !s->foreign)
		wait_for_hangups(s, true);
	stream_close(s, true);
}

/* What has a deadline ends by itself. */
static void wait_for_deadlines(void)
{
	for (size_t i = 0; i < world.n_nodes; i++)
		if (world.nodes[i]->timed || world.nodes[i]->kind == IDLE)
			sleep_until_done(world.nodes[i]);
}

/* All futures have ended, and their functions have run. */
static void check_ends(void)
{
	for (size_t i = 0; i < world.n_nodes; i++) {
		struct node *node = world.nodes[i];

		must(node->kind == UNREAD || node->ended || node->lost, node);
		for (struct watch *watch = node->watches; watch;
		     watch = watch->next)
			must(watch->ran || watch->unsure, node);
		must(node->kind != LINK || node->on != ON_BOTH ||
			     node->calls == 1 || node->orphan,
		     node);
	}
}

static void free_node(struct node *node)
{
	struct watch *watch;

	if (node->kind == WORK)
		work_free(node);
	while ((watch = node->watches)) {
		node->watches = watch->next;
		free(watch);
	}
	/* One whose end nobody was told of has its bytes still. */
	model_spoil(node);
	free(node->fetched);
	free(node);
}

static void free_all(void)
{
	for (size_t i = 0; i < world.n_nodes; i++)
		af_future_unref(world.nodes[i]->f);
	for (size_t i = 0; i < world.n_nodes; i++)
		free_node(world.nodes[i]);
	for (size_t i = 0; i < world.n_all; i++)
		free(world.all[i]);
	free(world.nodes);
	free(world.all);
	world.nodes = NULL;
	world.all = NULL;
	world.n_nodes = world.room = world.n_all = world.n_live = 0;
}

/*
 * libevent leaks a bufferevent whose callbacks are due when its base is freed;
 * the loop's own one gets no turn after that.
 */
static void close_foreign(void)
{
	unsigned steps = world.steps;

	world.steps = MAX_STEPS;
	for (int i = 0; i < N_STREAMS; i++) {
		struct stream *s = world.streams[i];

		if (!s || !s->foreign)
			continue;
		stream_close(s, false);
		stream_close(s, true);
	}
	must(event_base_loop(world.base, EVLOOP_NONBLOCK) >= 0, NULL);
	world.steps = steps;
}

void world_end(bool drained)
{
	if (drained && world.loop) {
		/* No instruction disturbs this. */
		world.steps = MAX_STEPS;
		wait_for_deadlines();
		for (int i = 0; i < N_STREAMS; i++)
			if (world.streams[i])
				leave(world.streams[i]);
		for (int i = 0; i < N_STREAMS; i++)
			if (world.streams[i])
				drain(world.streams[i]);
	}
	if (world.loop && world.own)
		close_foreign();
	if (world.loop || !world.own)
		event_del(&world.raw);
	model_freed = true;
	af_loop_free(world.loop);
	world.loop = NULL;
	check_ends();
	must(world.n_posts_run == world.n_posted, NULL);
	for (int i = 0; i < N_STREAMS; i++) {
		if (!world.streams[i])
			continue;
		stream_close(world.streams[i], false);
		stream_close(world.streams[i], true);
		world.streams[i] = NULL;
	}
	disk_close();
	wait_close();
	free_all();
	/* libevent frees a bufferevent whose callbacks are due in a turn. */
	if (!world.own) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		event_base_free(world.base);
	}
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
