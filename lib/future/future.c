/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures: state, result, references, waiters, cancel. Knows no file and no
 * process, and of chains only that one future may stand on another.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

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

struct af_future *afi_future_new(struct af_loop *loop,
				 const struct afi_future_ops *ops)
{
	struct af_future *f;

	assert(afi_loop_alive(loop));
	f = afi_block_get(&loop->pool, ops->size);
	if (!f)
		return NULL;
	afi_loop_ref(loop);
	f->loop = loop;
	f->ops = ops;
	f->refs = 2;
	f->status = -1;
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

struct af_future *afi_operation_new(struct af_loop *loop,
				    const struct afi_future_ops *ops)
{
	struct af_future *f = afi_future_new(loop, ops);

	if (f)
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

static void future_free(struct af_future *f)
{
	struct af_loop *loop = f->loop;
	struct afi_pool *pool;

	assert(f->done && !f->waiters);
	if (f->ops->destroy)
		f->ops->destroy(f);
	if (f->source)
		af_future_unref(f->source);
	/* Not before: a value's free function may have freed the loop. */
	pool = afi_loop_pool(loop);
	if (f->buffer)
		evbuffer_free(f->buffer);
	if (f->chunk)
		afi_chunk_put(pool, f->chunk);
	afi_block_put(pool, f, f->ops->size);
	afi_loop_unref(loop);
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

	while ((waiter = f->waiters)) {
		struct afi_waiter copy = *waiter;

		/* Before the call: it may add a waiter in the same place. */
		f->waiters = waiter->next;
		if (waiter == &f->first_waiter)
			waiter->run = NULL;
		else
			free(waiter);
		copy.run(&copy, f);
	}
	future_drop(f);
}

static void future_schedule(struct af_future *f)
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
		future_schedule(f);
	future_drop(f);
}

/* Most have one; NULL: no memory for another. */
static inline struct afi_waiter *future_new_waiter(struct af_future *f)
{
	if (!f->first_waiter.run)
		return &f->first_waiter;
	return malloc(sizeof(struct afi_waiter));
}

int afi_future_wait(struct af_future *f,
		    void (*run)(struct afi_waiter *, struct af_future *),
		    void (*fn)(void), void *arg, struct af_future *child)
{
	struct afi_waiter *waiter = future_new_waiter(f);

	if (!waiter)
		return -ENOMEM;
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
		future_schedule(f);
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

struct af_future *afi_future_root(struct af_future *f)
{
	while (!f->done && f->source)
		f = f->source;
	return f;
}

static bool future_needs_parts(const struct af_future *f,
			       const struct af_future *other)
{
	bool one = !other && f->ops->needs_one, found = one;
	struct af_future *part;

	/*
	 * It cannot be done before that continuation if any of all, or all of
	 * any, cannot. But a circle is a circle, also with a way out.
	 */
	for (size_t i = 0; found == one && (part = f->ops->part(f, i)); i++)
		found = afi_future_needs(part, other);
	return found;
}

bool afi_future_needs(const struct af_future *f, const struct af_future *other)
{
	for (; f && !f->done; f = f->source) {
		if (other ? f == other : f->running)
			return true;
		if (f->ops->part)
			return future_needs_parts(f, other);
	}
	return false;
}

void af_future_cancel(struct af_future *f)
{
	struct af_future *root;

	if (!f || f->done)
		return;
	root = afi_future_root(f);
	if (root->done) {
		/* Its waiters are on their way: stop the chain there. */
		while (f->source != root)
			f = f->source;
		f->canceled = true;
	} else if (root->ops->cancel) {
		root->ops->cancel(root);
	}
}

/* A future that is done may have its result from another. */
static const struct af_future *future_result(const struct af_future *f)
{
	return f->source ? f->source : f;
}

bool af_future_is_done(const struct af_future *f)
{
	return f && f->done;
}

struct af_loop *af_future_loop(const struct af_future *f)
{
	/* Without a base the loop has been freed. */
	return f && f->loop && f->loop->home ? f->loop : NULL;
}

int af_future_error(const struct af_future *f)
{
	if (!f)
		return -EINVAL;
	return f->done ? f->error : -EINPROGRESS;
}

unsigned af_future_flags(const struct af_future *f)
{
	return f && f->done ? future_result(f)->flags : 0;
}

const char *af_future_data(const struct af_future *f, size_t *ret_len)
{
	if (!f || !f->done || f->error || !future_result(f)->data)
		return NULL;
	if (ret_len)
		*ret_len = future_result(f)->count;
	return future_result(f)->data;
}

static void future_release_chunk(const void *data, size_t len, void *chunk)
{
	(void)data;
	(void)len;
	afi_chunk_put(NULL, chunk);
}

struct evbuffer *af_future_buffer(struct af_future *f)
{
	struct af_future *owner;
	int r;

	if (!f || !f->done)
		return NULL;
	owner = f->source ? f->source : f;
	if (owner->buffer || !owner->data || f->error)
		return owner->buffer;
	owner->buffer = evbuffer_new();
	if (!owner->buffer || owner->count == 0)
		return owner->buffer;
	if (owner->chunk) {
		atomic_fetch_add(&owner->chunk->refs, 1);
		r = evbuffer_add_reference(owner->buffer, owner->data,
					   owner->count, future_release_chunk,
					   owner->chunk);
		if (r < 0)
			afi_chunk_put(NULL, owner->chunk);
	} else {
		r = evbuffer_add(owner->buffer, owner->data, owner->count);
	}
	if (r < 0) {
		evbuffer_free(owner->buffer);
		owner->buffer = NULL;
	}
	return owner->buffer;
}

size_t af_future_count(const struct af_future *f)
{
	if (!f || f->done)
		return f ? future_result(f)->count : 0;
	return f->ops->progress ? f->ops->progress(f) : 0;
}

int af_future_status(const struct af_future *f)
{
	return f && f->done ? future_result(f)->status : -1;
}

const struct af_output *af_future_output(const struct af_future *f)
{
	if (!f || !f->done)
		return NULL;
	f = future_result(f);
	return f->ops && f->ops->output ? f->ops->output(f) : NULL;
}
