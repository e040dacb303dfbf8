/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop as the rest of the library sees it: a base, a queue of tasks that
 * are ready, and lists of what must be told when the base changes or the loop
 * ends. It knows no future, no file and no process.
 */
#ifndef AFI_LOOP_LOOP_H
#define AFI_LOOP_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <asyncfile/loop.h>

#include "base/pool.h"
#include "loop/post.h"
#include "loop/task.h"

/*
 * Something on the loop's base, which goes along when the loop moves to another
 * one. It is in the list while it is on the base.
 */
struct afi_watch {
	LIST_ENTRY(afi_watch) entry;
	/* Off the old base and on loop->base; 0 or -errno. */
	int (*move)(struct afi_watch *watch); /* NULL: not in the list */
};
LIST_HEAD(afi_watches, afi_watch);

/* Something that ends with the loop: told once, and out of the list then. */
struct afi_member {
	TAILQ_ENTRY(afi_member) entry;
	void (*orphan)(struct afi_member *member); /* NULL: not in a list */
};
TAILQ_HEAD(afi_members, afi_member);

/* What keeps a base running while somebody waits for another thread. */
struct afi_hold {
	unsigned count;
	struct event event;
	struct afi_watch watch;
};

struct af_loop {
	struct event_base *home;  /* the program's, or our own */
	struct event_base *base;  /* where things are: home, or a private one */
	struct event_base *spare; /* a private one that is not in use */
	bool owns_home;
	bool home_shared; /* somebody else may run it */
	bool freed;	  /* af_loop_free() was called */
	bool stopped;	  /* af_loop_stop() was called */
	bool turning;	  /* libevent dispatches, on our behalf */
	bool broken;	  /* base's event_base_loopbreak() has been seen */
	bool maybe_stuck; /* something waits for a running continuation */
	unsigned drivers; /* af_loop_run() and af_await() on the stack */
	unsigned depth;	  /* af_await() alone */
	unsigned max_depth;
	unsigned refs; /* the owner's, and one for each object made with it */
	pthread_t thread;
	char *process; /* 1 in the process that made it, 0 in its children */
	struct afi_await *awaits; /* the innermost one */

	struct afi_tasks ready;	 /* run as soon as possible, in order */
	struct afi_tasks settle; /* run when nothing is ready, before waiting */
	struct afi_tasks later;	 /* one is run each round, again if need be */
	struct event kick;	 /* runs both when the program drives */
	struct afi_mailbox mailbox;
	struct afi_watches watches;
	TAILQ_HEAD(, af_future) pending; /* operations: cancelled first */
	struct afi_members members;	 /* files, processes */
	struct afi_pool pool;
	struct afi_workers *workers; /* NULL: none was needed yet */
	unsigned max_workers;
	struct afi_hold hold;
	char *spawn_error; /* see af_spawn_error(); or NULL */
};

/* Whether operations can still be made. */
static inline bool afi_loop_alive(const struct af_loop *loop)
{
	return loop && !loop->freed;
}

/* The last reference is gone. */
void afi_loop_end(struct af_loop *loop);

static inline void afi_loop_ref(struct af_loop *loop)
{
	loop->refs++;
}

static inline void afi_loop_unref(struct af_loop *loop)
{
	if (--loop->refs == 0)
		afi_loop_end(loop);
}

/* Where memory goes back to: NULL once the loop was freed. */
static inline struct afi_pool *afi_loop_pool(struct af_loop *loop)
{
	return loop->freed ? NULL : &loop->pool;
}

/* Queues a task that is not queued; run says what it does. */
void afi_loop_ready(struct af_loop *loop, struct afi_task *task,
		    void (*run)(struct afi_task *));
void afi_loop_settle(struct af_loop *loop, struct afi_task *task,
		     void (*run)(struct afi_task *));
/* For what there was no memory for: tried when the loop next turns. */
void afi_loop_later(struct af_loop *loop, struct afi_task *task,
		    void (*run)(struct afi_task *));
/* Takes a task out of the queue it is in, if it is in one. */
void afi_task_cancel(struct afi_tasks *queue, struct afi_task *task);

void afi_loop_join(struct afi_members *list, struct afi_member *member,
		   void (*orphan)(struct afi_member *));
void afi_loop_leave(struct afi_members *list, struct afi_member *member);

/* On the base; off it again. lib/loop/watch.c. */
void afi_loop_watch(struct af_loop *loop, struct afi_watch *watch,
		    int (*move)(struct afi_watch *));
void afi_watch_stop(struct afi_watch *watch);
/* Moves all that is on loop->base to another one; 0, or -errno and nothing is
 * moved. */
int afi_loop_move(struct af_loop *loop, struct event_base *to);
/*
 * The same, to where it was before: for want of memory what has come since may
 * not go, and is stuck until the next move.
 */
void afi_loop_move_back(struct af_loop *loop, struct event_base *to);
/* The part of that which is the queue's own. */
void afi_loop_move_kick(struct af_loop *loop);
/* Whether this thread may wait here: 0, -EBADF in a child, -EPERM. */
int afi_loop_check(const struct af_loop *loop);

/* A driver comes and goes: whoever turns the loop is between these. */
void afi_loop_enter(struct af_loop *loop);
void afi_loop_exit(struct af_loop *loop);
/* What waits to settle does so at once. */
void afi_loop_settle_all(struct af_loop *loop);
/*
 * One round: what is ready, up to a limit, or until *done (if not NULL).
 * Then, if nothing is left, what waits to settle.
 */
void afi_loop_round(struct af_loop *loop, const bool *done);
/*
 * One turn of the base: waits for an event, unless something is ready or wait
 * is false, and runs callbacks. 1: there was nothing to wait for. -EIO.
 */
int afi_loop_turn(struct af_loop *loop, bool wait);

/* The mailbox: lib/loop/post.c. */
int afi_mailbox_open(struct af_loop *loop);
void afi_mailbox_close(struct af_loop *loop);
int afi_mailbox_move(struct af_loop *loop);
/* A private base is about to be freed. */
void afi_mailbox_leave(struct af_loop *loop, struct event_base *base);
/* Runs a task from the loop; for any thread, and cannot fail. */
void afi_mailbox_put(struct af_loop *loop, struct afi_post *post);
/* Makes ready what is in it. */
void afi_mailbox_empty(struct af_loop *loop);
/* Makes the turn end that is under way, so that the queue is looked at. */
void afi_loop_nudge(struct af_loop *loop);

#endif
