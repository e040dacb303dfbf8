/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a program: what is left in streams comes out, and everything has
 * happened once.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "model/world.h"

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
static struct node *begin_drain(struct stream *s)
{
	struct node *node;

	if (!s->reader || s->finishing[0])
		return NULL;
	s->deaf = s->endless;
	if (s->deaf)
		must(af_file_shutdown(s->reader, SHUT_RD) == 0, NULL);
	must(af_file_set_limit(s->reader, 0) == 0, NULL);
	node = world_node(READ);
	node->stream = s;
	node->full = true;
	node->known = s->n_known;
	return world_start(node, af_file_read(s->reader, 0, 0, NULL));
}

static void end_drain(struct stream *s, struct node *node)
{
	world_drive(node);
	must(node->error == 0 || s->rough || s->back, node);
	wait_for_hangups(s, false);
	/* A worker thread may still be writing to a disk. */
	must(stream_is_drained(s) || s->drops || s->rough || s->disk ||
		     stream_empty(s) || node->error,
	     node);
}

/* Other than of a copy in both directions, which passes the end on. */
static bool has_copies(const struct stream *s)
{
	for (size_t i = 0; i < world.n_nodes; i++) {
		const struct node *node = world.nodes[i];

		if (node->kind == COPY && node->to == s && !node->is_half &&
		    model_is_pending(node))
			return true;
	}
	return false;
}

/* What is read from the same file goes on. */
static void end_one_way(struct stream *s)
{
	for (size_t i = 0; i < world.n_nodes; i++) {
		const struct node *node = world.nodes[i];

		if (node->kind == COPY && node->to == s &&
		    model_is_pending(node))
			return;
	}
	if (!s->shut)
		must(af_file_shutdown(s->writer, SHUT_WR) == 0 || s->gone[0],
		     NULL);
	s->shut = s->gone[1] = true;
}

/* Nothing more is written. */
static void leave(struct stream *s)
{
	if (!s->reader && s->writer && !s->foreign)
		wait_for_hangups(s, true);
	if (s->back && s->writer && !s->finishing[1] && !has_copies(s))
		end_one_way(s);
	else
		stream_close(s, true);
}

static void leave_all(void)
{
	for (int i = 0; i < N_STREAMS; i++)
		if (world.streams[i])
			leave(world.streams[i]);
}

/*
 * One may wait for what another one reads. A copy in both directions that fails
 * passes no end on.
 */
static void drain_all(void)
{
	struct node *nodes[N_STREAMS] = { NULL };

	for (int i = 0; i < N_STREAMS; i++)
		if (world.streams[i])
			nodes[i] = begin_drain(world.streams[i]);
	for (size_t i = 0; i < world.n_nodes; i++)
		if (world.nodes[i]->is_half)
			sleep_until_done(world.nodes[i]);
	leave_all();
	for (int i = 0; i < N_STREAMS; i++)
		if (nodes[i])
			end_drain(world.streams[i], nodes[i]);
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

		must(node->kind == UNREAD || node->kind == EMPTY ||
			     node->ended || node->lost,
		     node);
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
		leave_all();
		drain_all();
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
