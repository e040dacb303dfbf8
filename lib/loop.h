/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop as the rest of the library sees it: a base, a queue of tasks that
 * are ready, and lists of what must be told when the base changes or the loop
 * ends. It knows no future, no file and no process.
 */
#ifndef AFI_LOOP_H
#define AFI_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <asyncfile/loop.h>

#include "pool.h"

struct event;

/* Something to run from the queue, outside libevent's dispatch. */
struct afi_task {
	TAILQ_ENTRY(afi_task) entry;
	void (*run)(struct afi_task *task); /* NULL: not queued */
};
TAILQ_HEAD(afi_tasks, afi_task);

/* Something that ends with the loop: told once, and out of the list then. */
struct afi_member {
	TAILQ_ENTRY(afi_member) entry;
	void (*orphan)(struct afi_member *member); /* NULL: not in a list */
};
TAILQ_HEAD(afi_members, afi_member);

struct af_loop {
	struct event_base *base;
	bool owns_base;
	bool base_shared; /* somebody else may run it */
	bool freed;	  /* af_loop_free() was called */
	bool stopped;	  /* af_loop_stop() was called */
	bool turning;	  /* libevent dispatches, on our behalf */
	unsigned drivers; /* af_loop_run() and af_await() on the stack */
	unsigned refs;	  /* the owner's, and one for each object made with it */

	struct afi_tasks ready;	  /* run as soon as possible, in order */
	struct afi_tasks settle;  /* run when nothing is ready, before waiting */
	struct event *kick;	  /* runs both when the program drives */
	struct afi_members pending; /* operations: cancelled first */
	struct afi_members members; /* files, processes */
	struct afi_pool pool;
};

/* Whether operations can still be made. */
static inline bool afi_loop_alive(const struct af_loop *loop)
{
	return loop && !loop->freed;
}

void afi_loop_ref(struct af_loop *loop);
void afi_loop_unref(struct af_loop *loop);
/* Where memory goes back to: NULL once the loop was freed. */
struct afi_pool *afi_loop_pool(struct af_loop *loop);

/* Queues a task that is not queued; run says what it does. */
void afi_loop_ready(struct af_loop *loop, struct afi_task *task,
		    void (*run)(struct afi_task *));
void afi_loop_settle(struct af_loop *loop, struct afi_task *task,
		     void (*run)(struct afi_task *));
/* Takes a task out of the queue it is in, if it is in one. */
void afi_task_cancel(struct afi_tasks *queue, struct afi_task *task);

void afi_loop_join(struct afi_members *list, struct afi_member *member,
		   void (*orphan)(struct afi_member *));
void afi_loop_leave(struct afi_members *list, struct afi_member *member);

/* A driver comes and goes: whoever turns the loop is between these. */
void afi_loop_enter(struct af_loop *loop);
void afi_loop_exit(struct af_loop *loop);
/*
 * One round: what is ready, up to a limit, or until *done (if not NULL).
 * Then, if nothing is left, what waits to settle.
 */
void afi_loop_round(struct af_loop *loop, const bool *done);
/*
 * One turn of the base: waits for an event, unless something is ready, and
 * runs callbacks. 1: there was nothing to wait for. -EIO.
 */
int afi_loop_turn(struct af_loop *loop);

#endif
