/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop as the rest of the library sees it: a base, queues of tasks, and the
 * lists of what moves along when the base changes and of what ends with the
 * loop. Knows no future, no file and no process; pointers to what later files
 * define are theirs, and only kept here.
 */
#ifndef AFI_LOOP_LOOP_H
#define AFI_LOOP_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <asyncfile/loop.h>

#include "base/pool.h"
#include "loop/mailbox.h"
#include "loop/pace.h"
#include "loop/task.h"
#include "loop/watch.h"

/*
 * Something that ends with the loop. af_loop_free() calls orphan once, which
 * takes it out of its list: for an operation, by cancelling it.
 */
struct afi_member {
	TAILQ_ENTRY(afi_member) entry;
	void (*orphan)(struct afi_member *member); /* NULL: not in a list */
};
TAILQ_HEAD(afi_members, afi_member);

/* Has the base run when the program does so, to have it run the queues. */
struct afi_kick {
	struct event event;
	struct afi_watch watch;
};

/* Worker threads by what they do, so that one kind does not hold up another. */
enum afi_crew {
	AFI_CREW_DISK, /* calls that may wait for a disk */
	AFI_CREW_WORK, /* functions of the program */
	AFI_CREW_OPEN, /* open(2), which may wait for a dead file system */
	AFI_CREWS
};

/* What keeps a base running while a worker is waited for. */
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
	bool held;	  /* files move no byte before the next task */
	unsigned drivers; /* af_loop_run() and af_await() on the stack */
	unsigned depth;	  /* af_await() alone */
	unsigned max_depth;
	unsigned walks; /* over futures, so far */
	/* How often something began to wait for a running continuation. */
	unsigned maybe_stuck;
	unsigned refs;	/* the owner's, and one for each object made with it */
	unsigned calls; /* into code of the program, inside of libevent's */
	pthread_t thread;
	struct afi_await *awaits; /* the innermost one */

	struct afi_turn turn;	 /* of work, between two polls */
	struct afi_pace pace;	 /* of the tasks that are ready */
	struct afi_tasks ready;	 /* run as soon as possible, in order */
	struct afi_tasks settle; /* run when nothing is ready, before waiting */
	struct afi_tasks later;	 /* one is run each round, again if need be */
	struct afi_kick kick;	 /* runs these when the program drives */
	struct afi_mailbox mailbox;
	struct af_post_handle *post_handle; /* see post.c; NULL: none yet */
	struct afi_watches watches;
	/* What ends with the loop, in this order. */
	struct afi_members first;   /* ways in of other threads */
	struct afi_members pending; /* operations, until none is left */
	struct afi_members members; /* files, processes */
	struct afi_members last;    /* what those use until they have ended */
	struct afi_pool pool;
	struct afi_workers *workers[AFI_CREWS]; /* NULL: none yet */
	unsigned max_workers[AFI_CREWS];	/* threads */
	struct afi_hold hold;
	size_t file_limit; /* that files begin with, see file/fill.c */
	struct afi_spawn_error *spawn_error; /* see process/failure.c */
};

/* Whether operations can still be made. */
static inline bool afi_loop_alive(const struct af_loop *loop)
{
	return loop && !loop->freed;
}

/* False in a child by fork(2), where nothing of the loop may run. */
static inline bool afi_loop_is_here(const struct af_loop *loop)
{
	return *loop->turn.state != AFI_TURN_ELSEWHERE;
}

/* Whether this thread may use the loop. A child by fork(2) may not, either. */
static inline bool afi_loop_is_mine(const struct af_loop *loop)
{
	return pthread_equal(loop->thread, pthread_self());
}

static inline void afi_loop_ref(struct af_loop *loop)
{
	loop->refs++;
}

static inline void afi_loop_unref(struct af_loop *loop)
{
	if (--loop->refs == 0)
		free(loop);
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
static inline void afi_loop_later(struct af_loop *loop, struct afi_task *task,
				  void (*run)(struct afi_task *))
{
	afi_task_queue(&loop->later, task, run);
}

static inline void afi_loop_join(struct afi_members *list,
				 struct afi_member *member,
				 void (*orphan)(struct afi_member *))
{
	member->orphan = orphan;
	TAILQ_INSERT_TAIL(list, member, entry);
}

static inline void afi_loop_leave(struct afi_members *list,
				  struct afi_member *member)
{
	if (!member->orphan)
		return;
	TAILQ_REMOVE(list, member, entry);
	member->orphan = NULL;
}

/* On the base; afi_watch_stop() when it is off it again. */
static inline void afi_loop_watch(struct af_loop *loop, struct afi_watch *watch,
				  int (*move)(struct afi_watch *))
{
	afi_watch_start(&loop->watches, watch, move);
}

/* Moves all watches to another base; 0, or -errno and nothing has moved. */
static inline int afi_loop_move(struct af_loop *loop, struct event_base *to)
{
	return afi_watches_move(&loop->watches, &loop->base, to);
}

/* And back: see afi_watches_move_back(). */
static inline void afi_loop_move_back(struct af_loop *loop,
				      struct event_base *to)
{
	afi_watches_move_back(&loop->watches, &loop->base, to);
}

/* Releases the base of a loop that was freed, unless somebody is inside. */
void afi_loop_release_freed(struct af_loop *loop);
/* Whether this thread may wait here: 0, -EBADF in a child, -EPERM. */
int afi_loop_check(const struct af_loop *loop);

/* After loop->calls++, under which the base stays even if the loop is freed. */
static inline void afi_loop_called(struct af_loop *loop)
{
	if (--loop->calls == 0 && loop->freed)
		afi_loop_release_freed(loop);
}

/* A driver comes and goes: whoever turns the loop is between these. */
void afi_loop_enter(struct af_loop *loop);
void afi_loop_exit(struct af_loop *loop);
/* Whether a millisecond of work has passed since the last poll. */
bool afi_loop_is_late(struct af_loop *loop);
/* What waits to settle does so at once. */
void afi_loop_settle_all(struct af_loop *loop);
/*
 * One round: what is ready, for as long as a turn may last, or until *done (if
 * not NULL). Then, if nothing is left, what waits to settle.
 */
void afi_loop_round(struct af_loop *loop, const bool *done);
/*
 * One turn of the base: waits for an event, unless something is ready or wait
 * is false, and runs callbacks. 1: there was nothing to wait for. -EIO.
 */
int afi_loop_turn(struct af_loop *loop, bool wait);

#endif
