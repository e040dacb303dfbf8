/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop as the rest of the library sees it: a base, queues of tasks, a list
 * of what must move when the base changes, and lists of what ends with the
 * loop. Knows no future, no file and no process; some pointers are only stored
 * here for higher floors.
 */
#ifndef AFI_LOOP_LOOP_H
#define AFI_LOOP_LOOP_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <asyncfile/loop.h>

#include "base/pool.h"
#include "base/queue.h"
#include "loop/lookout.h"
#include "loop/mailbox.h"
#include "loop/pace.h"
#include "loop/task.h"
#include "loop/watch.h"

/*
 * Something that ends with the loop. af_loop_free() calls orphan once, which
 * must take it out of its list; that of an operation cancels it.
 */
struct afi_member {
	TAILQ_ENTRY(afi_member) entry;
	void (*orphan)(struct afi_member *member); /* NULL: not in a list */
};
TAILQ_HEAD(afi_members, afi_member);

/* A timer that runs the queues when the program itself runs the base. */
struct afi_kick {
	struct event event;
	struct afi_watch watch;
};

/* Worker threads by what they do, so that one kind does not delay another. */
enum afi_crew {
	AFI_CREW_DISK,	/* calls that may wait for a disk */
	AFI_CREW_WORK,	/* functions of the program */
	AFI_CREW_OPEN,	/* open(2), which may wait for a dead file system */
	AFI_CREW_NAMES, /* getaddrinfo(3), which may wait for a name server */
	AFI_CREWS
};

/* An event that keeps the base running while a worker has a job. */
struct afi_hold {
	unsigned count;
	struct event event;
	struct afi_watch watch;
};

struct af_process;

struct af_loop {
	struct event_base *home;  /* the program's, or our own */
	struct event_base *base;  /* where things are: home, or a private one */
	struct event_base *spare; /* a private one that is not in use */
	bool owns_home;
	bool home_shared; /* the program may run it */
	bool freed;	  /* af_loop_free() was called */
	bool stopped;	  /* af_loop_stop() was called */
	bool turning;	  /* libevent dispatches, on our behalf */
	bool broken;	  /* base's event_base_loopbreak() has been seen */
	bool held;	  /* files move no byte before the next task */
	bool moving;	  /* its watches, there or back */
	unsigned drivers; /* af_loop_run() and af_await() on the stack */
	unsigned depth;	  /* af_await() alone */
	unsigned max_depth;
	unsigned walks; /* over futures, so far */
	/* How often a future has begun to depend on a running continuation. */
	unsigned maybe_stuck;
	unsigned refs;	/* the owner's, and one for each object made with it */
	unsigned calls; /* that may run code of the program, inside libevent */
	pthread_t thread;
	struct afi_await *awaits; /* the innermost one */

	struct afi_turn turn;	 /* of work, between two polls */
	struct afi_pace pace;	 /* of the tasks that are ready */
	struct afi_tasks ready;	 /* run as soon as possible, in order */
	struct afi_tasks settle; /* run when nothing is ready, before waiting */
	struct afi_tasks later;	 /* one is tried again in each round */
	struct afi_task strand;	 /* moves what could not be moved back */
	struct afi_kick kick;	 /* runs them when the program runs the base */
	struct afi_mailbox mailbox;
	struct af_post_handle *post_handle; /* see post.c; NULL: none yet */
	struct afi_watches watches;
	struct afi_lookout lookout;
	/* What ends with the loop, in this order. */
	struct afi_members first;   /* by which other threads post */
	struct afi_members pending; /* operations, until none is left */
	struct afi_members members; /* files, processes */
	struct afi_members last;    /* used by the others until they end */
	struct afi_pool pool;
	struct afi_workers *workers[AFI_CREWS]; /* NULL: none yet */
	unsigned max_workers[AFI_CREWS];	/* threads */
	struct afi_hold hold;
	size_t file_limit; /* that files begin with, see file/fill.c */
	struct afi_spawn_error *spawn_error;   /* see process/failure.c */
	struct afi_listen_error *listen_error; /* see net/listen_error.c */
	LIST_HEAD(afi_children, af_process) children; /* the newest first */
	bool split;				      /* see afi_loop_split() */
	bool told_statuses;   /* by the program, see process/reaped.c */
	unsigned long serial; /* not 0; its address may be another's later */
};

/* Whether operations can still be made. */
static inline bool afi_loop_alive(const struct af_loop *loop)
{
	return loop && !loop->freed;
}

/* False in a child of fork(2), where nothing of the loop may run. */
static inline bool afi_loop_is_here(const struct af_loop *loop)
{
	return afi_turn_state(&loop->turn) != AFI_TURN_ELSEWHERE;
}

/*
 * To be called before anything is closed or freed, which in a child by fork(2)
 * must change nothing that is the parent's, too.
 */
void afi_loop_split(struct af_loop *loop);

/* Whether this thread may use the loop. Does not detect a child of fork(2). */
static inline bool afi_loop_is_mine(const struct af_loop *loop)
{
	return pthread_equal(loop->thread, pthread_self());
}

/*
 * Whether something new can be made with it: 0; -EINVAL for NULL, -EPERM on
 * another thread, -ECANCELED once it was freed.
 */
static inline int afi_loop_usable(const struct af_loop *loop)
{
	if (!loop)
		return -EINVAL;
	if (!afi_loop_is_mine(loop))
		return -EPERM;
	return afi_loop_alive(loop) ? 0 : -ECANCELED;
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

/* The pool to return memory to; NULL once the loop was freed. */
static inline struct afi_pool *afi_loop_pool(struct af_loop *loop)
{
	return loop->freed ? NULL : &loop->pool;
}

/* Without a driver: has the program's own run of the base run the queues. */
void afi_loop_kick(struct af_loop *loop);
/* Queue a task that is not queued; run is the function to call. */
static inline void afi_loop_ready(struct af_loop *loop, struct afi_task *task,
				  void (*run)(struct afi_task *))
{
	afi_task_queue(&loop->ready, task, run);
	if (loop->drivers == 0)
		afi_loop_kick(loop);
}
void afi_loop_settle(struct af_loop *loop, struct afi_task *task,
		     void (*run)(struct afi_task *));
/*
 * For a task that failed as memory ran out: tried again in a later round. Until
 * then the loop waits for nothing.
 */
void afi_loop_later(struct af_loop *loop, struct afi_task *task,
		    void (*run)(struct afi_task *));

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

/* Records that a watch is on the base. Later, call afi_watch_stop(). */
static inline void afi_loop_watch(struct af_loop *loop, struct afi_watch *watch,
				  int (*move)(struct afi_watch *))
{
	afi_watch_start(&loop->watches, watch, move);
}

/*
 * Moves all watches to another base; 0, or -errno and nothing has moved. Code of
 * the program that runs during a move cannot move them, too: -ENOTSUP.
 */
int afi_loop_move(struct af_loop *loop, struct event_base *to);
/* Moves all watches back; where memory is missing, some of them later. */
void afi_loop_move_back(struct af_loop *loop, struct event_base *to);

/* Releases the base of a loop that was freed, unless it is in use. */
void afi_loop_release_freed(struct af_loop *loop);
/* Whether this thread may wait here: 0, -EBADF in a child, -EPERM. */
int afi_loop_check(const struct af_loop *loop);

/* Undoes loop->calls++, which keeps the base even if the loop is freed. */
static inline void afi_loop_called(struct af_loop *loop)
{
	if (--loop->calls == 0 && loop->freed)
		afi_loop_release_freed(loop);
}

/* A driver begins and ends: the loop is turned only between these calls. */
void afi_loop_enter(struct af_loop *loop);
void afi_loop_exit(struct af_loop *loop);
/* Whether a millisecond of work has passed since the last poll. */
bool afi_loop_is_late(struct af_loop *loop);
/*
 * Runs ready tasks, for as long as a turn may last, or until *done (if done is not
 * NULL).
 */
void afi_loop_run_ready(struct af_loop *loop, const bool *done);
/* Runs all tasks of the settle queue now. */
void afi_loop_settle_all(struct af_loop *loop);
/* One round: runs ready tasks, and if none is left, the settle queue. */
void afi_loop_round(struct af_loop *loop, const bool *done);
/*
 * One turn of the base: waits for an event, unless a task is ready or wait is
 * false, and runs callbacks. 0; 1: there was nothing to wait for; -EIO.
 */
int afi_loop_turn(struct af_loop *loop, bool wait);

#endif
