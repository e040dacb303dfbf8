/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The future as the code that makes futures (the maker) sees it. A maker embeds
 * struct af_future at the head of its own struct and gives it a table of
 * functions. Nothing in future/ knows a file or a process.
 */
#ifndef AFI_FUTURE_FUTURE_H
#define AFI_FUTURE_FUTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include <asyncfile/future.h>

#include "base/pool.h"
#include "loop/deadline.h"
#include "loop/loop.h"

struct af_file;
struct af_listener;
struct afi_address;
struct afi_spawn_error;

/* One of those that wait for a future. It is run once, from the ready queue. */
struct afi_waiter {
	struct afi_waiter *next;
	void (*run)(struct afi_waiter *waiter, struct af_future *done);
	void (*fn)(void); /* the program's continuation, whatever its type */
	void *arg;
	struct af_future *child; /* the future that waits, or NULL */
};

/*
 * A waiter that can be removed again: its maker embeds it. Other waiters do not
 * become larger or slower by it.
 */
struct afi_tie {
	struct afi_waiter waiter;
	struct afi_waiter *before; /* NULL or freed: this is the first */
};

/* The fn of a waiter in a struct afi_tie; never called. */
void afi_waiter_tied(void);

/* What a future waits for, while it is pending. */
enum afi_kind {
	AFI_SINGLE, /* nothing, or its source */
	/* Its source, which is not cancelled when this one is. */
	AFI_SHIELD,
	/*
	 * Several; the future begins with a struct afi_compound. Its cancel
	 * only finishes it; its parts are cancelled after that.
	 */
	AFI_COMPOUND,
};

struct afi_future_ops {
	const char *name;
	size_t size;
	/* Stops the operation, and calls afi_future_finish(-ECANCELED). */
	void (*cancel)(struct af_future *f);
	/*
	 * The deadline passed: finishes, with what there is, or goes on without
	 * a deadline.
	 */
	void (*expire)(struct af_future *f);
	/* Frees what the maker's struct holds; may be NULL. */
	void (*destroy)(struct af_future *f);
	/* Of a shield that has no reference any more: whether it is kept. */
	bool (*keep)(struct af_future *f);
	enum afi_kind kind;
	bool hides_parts;  /* a compound: its parts come and go */
	bool needs_one;	   /* a compound: waits for one of its parts, not all */
	bool is_operation; /* a compound: goes on when it is forgotten */
	/* A communicate: its result. */
	const struct af_output *(*output)(const struct af_future *f);
	/* If it is done: a value of the program's. */
	void *(*value)(const struct af_future *f);
	/* If it has made a file: that file, once. */
	struct af_file *(*take_file)(struct af_future *f);
	/* If it has made a listener: that listener, once. */
	struct af_listener *(*take_listener)(struct af_future *f);
	/* If it has addresses and is a success: the i-th, or NULL. */
	const struct afi_address *(*address)(const struct af_future *f,
					     size_t i);
	/* If it has failed on the network: why, as a text, or NULL. */
	const char *(*error_text)(const struct af_future *f);
	/* If it starts a child: why that failed, or NULL. */
	const struct afi_spawn_error *(*spawn_error)(const struct af_future *f);
	/* Its status is the index of the text that a read has found. */
	bool has_match;
	/* If it is pending: its count so far. */
	size_t (*progress)(const struct af_future *f);
	/* For the dump, if it is pending: " fd 5" or the like; may be NULL. */
	void (*describe)(const struct af_future *f, FILE *out);
};

/*
 * The state of a link whose chain was cancelled when its source was done
 * already.
 */
enum afi_cancel {
	AFI_CANCEL_NONE,
	AFI_CANCEL_ASKED, /* what its af_then() returns is cancelled */
	AFI_CANCEL_TOLD,  /* an earlier link has failed with -ECANCELED */
};

/*
 *  pending --finish--> done --(task)--> waiters run, in order
 *
 * While an operation is pending, it holds a reference to its own future, and
 * the future of an operation at the root of a chain is in its loop's pending
 * list.
 */
struct af_future {
	const struct afi_future_ops *ops;
	struct af_loop *loop; /* NULL: a static one, see afi_future_failed() */
	unsigned refs;
	int error;
	int status;
	uint8_t flags;
	bool done;
	bool running;	/* its continuation is on the stack */
	uint8_t cancel; /* enum afi_cancel */
	struct afi_task task;
	struct afi_member pending; /* in its loop's list of operations */
	struct afi_waiter *waiters;
	struct afi_waiter *last_waiter; /* while there are any */
	struct afi_waiter first_waiter; /* most have one: no allocation */
	/* Pending: what it waits for. Done: whose result it shares. */
	struct af_future *source;
	struct afi_deadline *deadline;
	int64_t since; /* when it had to wait, for the dump */
	/* The result */
	size_t count;
	const char *data;
	struct afi_chunk *chunk; /* holds data, if not NULL */
	struct evbuffer *buffer;
};

/* The position of a walk over nested compounds, and the way back up. */
struct afi_walk {
	struct afi_compound *above;
	size_t next; /* part */
};

/* The head of a future that waits for several, which it holds. */
struct afi_compound {
	struct af_future future;
	struct af_future **parts; /* from malloc() */
	size_t n;
	struct afi_walk cancel;
	/* The last walk of needs.c or forget.c that came here. */
	struct afi_walk look;
	unsigned looked; /* loop->walks at that time */
	bool found;	 /* its result */
};

/* Whose result f has, which is done: another's, or its own. */
static inline struct af_future *afi_future_owner(struct af_future *f)
{
	return f->source ? f->source : f;
}

/*
 * A pending future, with two references: the caller's and the operation's. NULL:
 * out of memory. Of the ops->size bytes only the head is set.
 */
static inline struct af_future *
afi_future_take(struct af_loop *loop, const struct afi_future_ops *ops)
{
	struct af_future *f = afi_block_take(&loop->pool, ops->size);

	if (!f)
		return NULL;
	afi_loop_ref(loop);
	f->ops = ops;
	f->loop = loop;
	f->refs = 2;
	f->error = 0;
	f->status = -1;
	f->flags = 0;
	f->done = f->running = false;
	f->cancel = AFI_CANCEL_NONE;
	f->task.run = NULL;
	f->pending.orphan = NULL;
	f->waiters = NULL;
	f->first_waiter.run = NULL;
	f->source = NULL;
	f->deadline = NULL;
	f->since = 0;
	f->count = 0;
	f->data = NULL;
	f->chunk = NULL;
	f->buffer = NULL;
	return f;
}
/* Ends one that nobody waits for or knows. Its result must have been set. */
static inline void afi_future_finish_new(struct af_future *f, int error)
{
	f->done = true;
	f->error = error;
	f->refs = 1;
}
/*
 * A pending future of ops->size bytes, zeroed past the head, with two
 * references: the caller's and the operation's. NULL: out of memory.
 */
struct af_future *afi_future_new(struct af_loop *loop,
				 const struct afi_future_ops *ops);
/*
 * A future for an operation, of which only the head is set, and which is in no
 * list. The rest as below.
 */
struct af_future *afi_operation_take(struct af_loop *loop, bool valid,
				     const struct afi_future_ops *ops);
/*
 * A future for an operation, in its loop's pending list. valid: the arguments
 * make sense. Never NULL: where it cannot be made, a future that has failed with
 * -EINVAL (also for a loop of NULL), -EPERM, -ECANCELED or -ENOMEM.
 */
struct af_future *afi_operation_begin(struct af_loop *loop, bool valid,
				      const struct afi_future_ops *ops);
/*
 * For one that is in no list, and could not be done at once: adds it to that
 * list, and begins to wait.
 */
int afi_operation_wait(struct af_future *f, const struct timeval *timeout);
/* A failed future; a static one where none can be made. Never NULL. */
struct af_future *afi_future_failed(struct af_loop *loop, int error);
/* Ends a pending future, once. Its result must have been set before. */
void afi_future_finish(struct af_future *f, int error);
/*
 * A future that is not done at once begins to wait: calls expire after a valid,
 * non-zero timeout (NULL: never). 0 or -ENOMEM.
 */
int afi_future_expire_after(struct af_future *f, const struct timeval *timeout);
/* Like that, for one that may be done already; a zero timeout expires now. */
static inline int afi_future_limit(struct af_future *f,
				   const struct timeval *timeout)
{
	if (f->done)
		return 0;
	if (!afi_timeout_zero(timeout))
		return afi_future_expire_after(f, timeout);
	f->ops->expire(f);
	return 0;
}

/*
 * Whether f waits for other, perhaps among others. If other is NULL: whether f
 * cannot be done before a continuation returns that is running now.
 */
bool afi_future_needs(struct af_future *f, const struct af_future *other);
/*
 * Whether f, done or not, has a reference to other, perhaps as a part of what
 * ended before its parts. Only its owner may be a compound with such parts.
 */
bool afi_future_holds(struct af_future *f, const struct af_future *other);
/* Whether by needs f: the same, which looks from the other side first. */
bool afi_future_is_needed(const struct af_future *f, struct af_future *by);
/* Whether it may need a continuation that is running now; a look at a part. */
bool afi_future_may_need(const struct af_future *f);
/* As afi_future_needs(), but -1 if a walk of bounded depth cannot decide it. */
int afi_future_needs_near(struct af_future *f, const struct af_future *other);
/* Finishes a compound with -ECANCELED, unless it is done; cancels its parts. */
void afi_future_cancel_parts(struct afi_compound *compound);
/* The future at the root of a pending chain, as far as a cancel reaches. */
struct af_future *afi_future_root(struct af_future *f);

/*
 * Whether there is a loop that would run waiters. A loop that is being freed
 * runs those of futures that are pending or have waiters left.
 */
static inline bool afi_future_has_loop(const struct af_future *f)
{
	return afi_loop_alive(f->loop) || !f->done || f->waiters;
}
/*
 * Adds a waiter; run, fn, arg and child as in struct afi_waiter. 0 or -ENOMEM;
 * the first one needs no memory.
 */
int afi_future_wait(struct af_future *f,
		    void (*run)(struct afi_waiter *, struct af_future *),
		    void (*fn)(void), void *arg, struct af_future *child);
/* Makes the waiters of a future that is done due, unless they are already. */
void afi_future_schedule(struct af_future *f);
/* Releases a waiter that was taken out of the list of f. */
static inline void afi_waiter_put(struct af_future *f,
				  struct afi_waiter *waiter)
{
	if (waiter == &f->first_waiter || waiter->fn == afi_waiter_tied)
		waiter->run = NULL;
	else
		free(waiter);
}

/*
 * af_future_resolve() with a file, which af_future_take_file() returns, once; if
 * nobody takes it, close_file is called when the future is freed.
 */
int afi_promise_resolve_file(struct af_future *f, struct af_file *file,
			     af_free_fn close_file);

/* Adds a waiter to a pending future. */
void afi_future_tie(struct af_future *f, struct afi_tie *tie,
		    void (*run)(struct afi_waiter *, struct af_future *),
		    struct af_future *child);
/* Removes it, unless it was removed or has run. */
void afi_future_untie(struct af_future *f, struct afi_tie *tie);

#endif
