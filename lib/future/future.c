/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures: state, references, waiters, cancel. Knows no file and no process,
 * and of chains only that a future may wait for another one, or for several.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/container.h"
#include "future/future.h"

/*
 * Failures that need no memory and no loop. They are never written to, so any
 * thread may have them, and references to them are not counted.
 */
static struct af_future future_enomem = {
	.done = true,
	.error = -ENOMEM,
	.status = -1,
};
static struct af_future future_ecanceled = {
	.done = true,
	.error = -ECANCELED,
	.status = -1,
};
static struct af_future future_einval = {
	.done = true,
	.error = -EINVAL,
	.status = -1,
};
static struct af_future future_eperm = {
	.done = true,
	.error = -EPERM,
	.status = -1,
};

static void future_zero_rest(struct af_future *f)
{
	memset(f + 1, 0, f->ops->size - sizeof(*f));
}

struct af_future *afi_future_new(struct af_loop *loop,
				 const struct afi_future_ops *ops)
{
	struct af_future *f;

	assert(afi_loop_alive(loop));
	f = afi_future_take(loop, ops);
	if (f)
		future_zero_rest(f);
	return f;
}

static void future_orphan(struct afi_member *member)
{
	af_future_cancel(AFI_CONTAINER(member, struct af_future, pending));
}

static void future_join(struct af_future *f)
{
	afi_loop_join(&f->loop->pending, &f->pending, future_orphan);
}

struct af_future *afi_operation_take(struct af_loop *loop, bool valid,
				     const struct afi_future_ops *ops)
{
	struct af_future *f;

	/* A future of another thread's loop, or of a freed one, says so. */
	if (!valid || afi_loop_usable(loop) < 0)
		return afi_future_failed(loop, -EINVAL);
	f = afi_future_take(loop, ops);
	return f ? f : afi_future_failed(loop, -ENOMEM);
}

struct af_future *afi_operation_begin(struct af_loop *loop, bool valid,
				      const struct afi_future_ops *ops)
{
	struct af_future *f = afi_operation_take(loop, valid, ops);

	if (f->done)
		return f;
	future_zero_rest(f);
	future_join(f);
	return f;
}

int afi_operation_wait(struct af_future *f, const struct timeval *timeout)
{
	future_join(f);
	return afi_future_expire_after(f, timeout);
}

struct af_future *afi_future_failed(struct af_loop *loop, int error)
{
	static const struct afi_future_ops future_failed_ops = {
		.name = "failed",
		.size = sizeof(struct af_future),
	};
	struct af_future *f;

	if (!loop && error == -EPERM)
		return &future_eperm;
	if (!loop)
		return error == -ECANCELED ? &future_ecanceled : &future_einval;
	/* Before all else: nothing of another thread's loop may be touched. */
	if (!afi_loop_is_mine(loop))
		return &future_eperm;
	if (!afi_loop_alive(loop))
		return &future_ecanceled;
	f = error == -ENOMEM ? NULL : afi_future_new(loop, &future_failed_ops);
	if (!f)
		return &future_enomem;
	afi_future_finish(f, error);
	return f;
}

struct af_future *af_future_ref(struct af_future *f)
{
	if (f && f->loop)
		f->refs++;
	return f;
}

/* Frees f alone, which is done and has no waiters. */
static inline void future_free_one(struct af_future *f)
{
	struct af_loop *loop = f->loop;
	struct afi_pool *pool;

	if (f->ops->destroy)
		f->ops->destroy(f);
	if (f->buffer)
		evbuffer_free(f->buffer);
	/* Not before: a function of the program may have freed the loop. */
	pool = afi_loop_pool(loop);
	if (f->chunk)
		afi_chunk_put(pool, f->chunk);
	afi_block_put(pool, f, f->ops->size);
	afi_loop_unref(loop);
}

/* Whether a shield without a reference is there for its waiters. */
static inline bool future_is_kept(struct af_future *f)
{
	return f->ops->kind == AFI_SHIELD && f->ops->keep(f);
}

/* Adds to a list the parts that nobody else holds. */
static void future_drop_parts(struct af_future **dead, struct af_future *f)
{
	struct afi_compound *compound =
		AFI_CONTAINER(f, struct afi_compound, future);
	struct af_future *part;

	for (size_t i = 0; i < compound->n; i++) {
		part = compound->parts[i];
		if (!part->loop || --part->refs > 0 || future_is_kept(part))
			continue;
		part->first_waiter.child = *dead;
		*dead = part;
	}
	free(compound->parts);
}

/* Frees f alone; returns its source, if nobody else held that. */
static inline struct af_future *future_free_link(struct af_future *f)
{
	struct af_future *source = f->source;

	future_free_one(f);
	return source && source->loop && --source->refs == 0 ? source : NULL;
}

/* By a list, since what holds what may be deep. */
__attribute__((noinline)) static void future_free_others(struct af_future *f)
{
	struct af_future *dead = NULL;

	while (f) {
		if (f->ops->kind == AFI_COMPOUND)
			future_drop_parts(&dead, f);
		f = future_is_kept(f) ? NULL : future_free_link(f);
		if (!f && dead) {
			f = dead;
			dead = f->first_waiter.child;
		}
	}
}

/* Also one with a source, or one that others are parts of. */
__attribute__((noinline)) static void future_free_any(struct af_future *f)
{
	while (f && f->ops->kind == AFI_SINGLE)
		f = future_free_link(f);
	if (f)
		future_free_others(f);
}

/* Most have nothing to free but themselves: these take no detour. */
__attribute__((noinline)) static void future_free(struct af_future *f)
{
	const struct afi_future_ops *ops = f->ops;
	struct af_loop *loop = f->loop;

	if (f->source || f->buffer || f->chunk || ops->destroy ||
	    ops->kind != AFI_SINGLE || loop->freed) {
		future_free_any(f);
		return;
	}
	afi_block_put(&loop->pool, f, ops->size);
	/* Not the last one: that is the owner's, until the loop is freed. */
	loop->refs--;
}

/* Drops a reference to a future that is not a static one. */
static inline void future_drop(struct af_future *f)
{
	if (--f->refs == 0)
		future_free(f);
}

void af_future_unref(struct af_future *f)
{
	if (f && f->loop)
		future_drop(f);
}

static void future_run_waiters(struct afi_task *task)
{
	struct af_future *f = AFI_CONTAINER(task, struct af_future, task);
	struct afi_waiter *waiter;

	for (waiter = f->waiters; waiter; waiter = f->waiters) {
		struct afi_waiter copy = *waiter;

		/* Before the call: it may add a waiter in the same place. */
		f->waiters = waiter->next;
		afi_waiter_put(f, waiter);
		copy.run(&copy, f);
		if (!f->waiters)
			break;
		/* A child by fork(2) leaves the others to its parent. */
		if (!afi_loop_is_here(f->loop))
			return;
	}
	future_drop(f);
}

void afi_future_schedule(struct af_future *f)
{
	if (!f->task.run) {
		f->refs++;
		afi_loop_ready(f->loop, &f->task, future_run_waiters);
	}
}

static void future_drop_deadline(struct af_future *f)
{
	afi_deadline_stop(f->deadline);
	afi_block_put(afi_loop_pool(f->loop), f->deadline,
		      sizeof(*f->deadline));
	f->deadline = NULL;
}

void afi_future_finish(struct af_future *f, int error)
{
	assert(!f->done);
	f->done = true;
	f->error = error;
	if (f->deadline)
		future_drop_deadline(f);
	afi_loop_leave(&f->loop->pending, &f->pending);
	if (f->waiters)
		afi_future_schedule(f);
	future_drop(f);
}

static inline void
future_add(struct af_future *f, struct afi_waiter *waiter,
	   void (*run)(struct afi_waiter *, struct af_future *),
	   void (*fn)(void), void *arg, struct af_future *child)
{
	waiter->next = NULL;
	waiter->run = run;
	waiter->fn = fn;
	waiter->arg = arg;
	waiter->child = child;
	if (f->waiters)
		f->last_waiter->next = waiter;
	else
		f->waiters = waiter;
	f->last_waiter = waiter;
	if (f->done)
		afi_future_schedule(f);
}

__attribute__((noinline)) static int
future_wait_more(struct af_future *f,
		 void (*run)(struct afi_waiter *, struct af_future *),
		 void (*fn)(void), void *arg, struct af_future *child)
{
	struct afi_waiter *waiter = malloc(sizeof(*waiter));

	if (!waiter)
		return -ENOMEM;
	future_add(f, waiter, run, fn, arg, child);
	return 0;
}

int afi_future_wait(struct af_future *f,
		    void (*run)(struct afi_waiter *, struct af_future *),
		    void (*fn)(void), void *arg, struct af_future *child)
{
	if (f->first_waiter.run)
		return future_wait_more(f, run, fn, arg, child);
	future_add(f, &f->first_waiter, run, fn, arg, child);
	return 0;
}

static void future_on_deadline(struct afi_deadline *deadline)
{
	struct af_future *f = deadline->arg;

	f->ops->expire(f);
}

int afi_future_expire_after(struct af_future *f, const struct timeval *timeout)
{
	int r;

	f->since = afi_now_coarse();
	if (!timeout)
		return 0;
	f->deadline = afi_block_get(&f->loop->pool, sizeof(*f->deadline));
	if (!f->deadline)
		return -ENOMEM;
	f->deadline->arg = f;
	r = afi_deadline_start(f->deadline, f->loop, timeout,
			       future_on_deadline);
	if (r < 0)
		future_drop_deadline(f);
	return r;
}

/*
 * A cancel stops at a shield; unless that is due, with nothing but others
 * between it and what is done.
 */
static struct af_future *future_shield_root(struct af_future *shield)
{
	struct af_future *f = shield->source;

	while (!f->done && f->ops->kind == AFI_SHIELD)
		f = f->source;
	return f->done ? f : shield;
}

struct af_future *afi_future_root(struct af_future *f)
{
	while (!f->done && f->source) {
		if (f->ops->kind == AFI_SHIELD)
			return future_shield_root(f);
		f = f->source;
	}
	return f;
}

/*
 * Cancels what f, which is pending, stands on. Where that is done already, the
 * continuation that is due learns of its own outcome, and the links up to f
 * know that they were cancelled. Returns a compound at the root, or NULL.
 */
static struct afi_compound *future_cancel_root(struct af_future *f)
{
	struct af_future *root = afi_future_root(f);

	if (root->done)
		for (; f != root; f = f->source)
			f->cancel = AFI_CANCEL_ASKED;
	else if (root->ops->kind == AFI_COMPOUND)
		return AFI_CONTAINER(root, struct afi_compound, future);
	else if (root->ops->cancel)
		root->ops->cancel(root);
	return NULL;
}

/* Each one ends once, so no other walk over its parts can be under way. */
static void future_cancel_enter(struct afi_compound *compound,
				struct afi_compound *above)
{
	struct af_future *f = af_future_ref(&compound->future);

	compound->cancel.above = above;
	compound->cancel.next = 0;
	if (!f->done)
		f->ops->cancel(f);
}

/* Each compound stores from where it was entered: recursion needs stack. */
void afi_future_cancel_parts(struct afi_compound *compound)
{
	struct afi_compound *other;
	struct af_future *part;

	future_cancel_enter(compound, NULL);
	while (compound) {
		if (compound->cancel.next == compound->n) {
			other = compound->cancel.above;
			af_future_unref(&compound->future);
			compound = other;
			continue;
		}
		part = compound->parts[compound->cancel.next++];
		other = part->done ? NULL : future_cancel_root(part);
		if (other) {
			future_cancel_enter(other, compound);
			compound = other;
		}
	}
}

void af_future_cancel(struct af_future *f)
{
	struct afi_compound *compound;

	if (!f || f->done)
		return;
	compound = future_cancel_root(f);
	if (compound)
		afi_future_cancel_parts(compound);
}
