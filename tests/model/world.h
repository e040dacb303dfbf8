/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a program that is running has: a loop, streams, futures. act_*.c have
 * the instructions: each returns whether there was something to do.
 */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "model/program.h"
#include "model/stream.h"

#define N_ONE_WAY 4
#define N_STREAMS (N_ONE_WAY + 4) /* two pairs that go both ways */
#define MAX_LIVE 32
#define MAX_STEPS 3000	     /* so that no program goes on for ever */
#define MAX_BYTES (8u << 20) /* written; what comes after is a byte each */
#define MAX_LEVELS 6	     /* of bodies */
#define MAX_WAITS 3	     /* nested */

struct world {
	const struct program *program;
	unsigned steps;
	unsigned long operations;
	size_t bytes;	       /* written */
	unsigned level, depth; /* of bodies; of waits and drivers */

	struct event_base *base;
	struct af_loop *loop; /* NULL: freed */
	bool own;	      /* the base is the loop's */
	bool opening;	      /* a pair is being made, which runs the base */
	struct event raw;
	unsigned raw_body;
	uintptr_t n_posted, n_posts_run;

	unsigned n_forgets; /* the last number of model_visit() */
	struct node **nodes;
	size_t n_nodes, room;
	struct node *live[MAX_LIVE]; /* with references, the newest last */
	unsigned n_live;
	struct stream *streams[N_STREAMS];
	struct stream **all;
	size_t n_all;
};
extern struct world world;

/* Runs a program in this process. A failure ends the process. */
void world_run(const struct program *program);
/* Runs the instructions of a body. */
void world_body(unsigned body);

void world_begin(bool own);
/* Ends everything and looks at what is left; drains the streams first. */
void world_end(bool drain);
/* Drives the loop from outside until the node has ended. */
void world_drive(struct node *node);

struct node *world_node(enum kind_of kind);
/* The future of the node is there: from now on it is watched. */
struct node *world_start(struct node *node, struct af_future *f);
/* The same, where the program has no reference; f is borrowed. */
void world_start_part(struct node *node, struct af_future *f);
/* The program's references: the newest is 0. NULL: there is none. */
struct node *world_pick(uint32_t index);
void world_drop(unsigned index);

struct stream *world_stream(uint32_t index);
/* The first stream of a pair that goes both ways; with that end of it. */
struct stream *world_two_ways(uint32_t index, bool writes);
/* One on disk, if there is one. */
struct stream *world_disk(uint32_t index);
void stream_open(uint32_t slot, uint32_t kind, uint32_t flags, uint32_t ahead);
void stream_close(struct stream *s, bool writes);
/* Operations in that direction may be cancelled from now on. */
void stream_cancel(const struct stream *s, bool writes);
/* Whether operations in that direction are pending. */
bool stream_is_busy(const struct stream *s, bool writes);
/* Whether one of them, or one since that node, has or may have ended early. */
bool stream_ended_early(const struct stream *s, bool writes, unsigned since);

typedef bool (*act_fn)(const uint32_t *arg);

bool act_open(const uint32_t *arg);
bool act_close(const uint32_t *arg);
bool act_attach(const uint32_t *arg);
bool act_limit(const uint32_t *arg);
bool act_shutdown(const uint32_t *arg);
bool act_finish(const uint32_t *arg);
bool act_read(const uint32_t *arg);
bool act_line(const uint32_t *arg);
bool act_until(const uint32_t *arg);
bool act_peek(const uint32_t *arg);
bool act_unread(const uint32_t *arg);
bool act_each(const uint32_t *arg);
bool act_write(const uint32_t *arg);
bool act_empty(const uint32_t *arg);
bool act_copy(const uint32_t *arg);
bool act_copy_both(const uint32_t *arg);
bool act_seek(const uint32_t *arg);
bool act_read_at(const uint32_t *arg);
bool act_write_at(const uint32_t *arg);
bool act_here(const uint32_t *arg);
bool act_sync(const uint32_t *arg);
bool act_hangup(const uint32_t *arg);
bool act_idle(const uint32_t *arg);
bool act_work(const uint32_t *arg);
bool act_wait(const uint32_t *arg);
bool act_kick(const uint32_t *arg);
bool act_sleep(const uint32_t *arg);
bool act_maker(const uint32_t *arg);
bool act_give(const uint32_t *arg);
bool act_chain(const uint32_t *arg);
bool act_group(const uint32_t *arg);
bool act_timed(const uint32_t *arg);
bool act_shield(const uint32_t *arg);
bool act_map(const uint32_t *arg);
bool act_cancel(const uint32_t *arg);
bool act_drop(const uint32_t *arg);
bool act_forget(const uint32_t *arg);
bool act_watch(const uint32_t *arg);
bool act_await(const uint32_t *arg);
bool act_post(const uint32_t *arg);
bool act_raw(const uint32_t *arg);
bool act_run(const uint32_t *arg);
bool act_turn(const uint32_t *arg);
bool act_free(const uint32_t *arg);
bool act_fault(const uint32_t *arg);

/* What is left of the operations in disk.c and work.c. */
void disk_close(void);
void work_free(struct node *node);
void wait_close(void);

/* Prepares the event of the program. */
void act_raw_assign(void);

/* An operand that is a time; NULL: none. Valid until the next call. */
const struct timeval *act_time(uint32_t arg);

#endif
