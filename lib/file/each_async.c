/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An each with backpressure: the function returns a future, and nothing is
 * passed on or read until that is done. The operation is like a group with this
 * future as its only part, so a cancel reaches the future, and a wait sees what
 * the future depends on.
 */
#include "config.h"

#include <stdlib.h>

#include "base/container.h"
#include "file/each.h"

struct each_async {
	struct afi_each each;
	af_each_async_fn fn;
	void *arg;
	struct afi_chunk *chunk; /* has the bytes that the part may use */
};

static struct each_async *each_async_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct each_async, each.compound.future);
}

static void each_async_drop_chunk(struct each_async *async)
{
	struct af_loop *loop = async->each.compound.future.loop;

	afi_chunk_put(afi_loop_pool(loop), async->chunk);
	async->chunk = NULL;
}

static void each_async_on_part(struct afi_waiter *waiter,
			       struct af_future *done)
{
	struct each_async *async = each_async_of(waiter->child);
	struct afi_each *each = &async->each;
	struct af_future *f = &each->compound.future;

	each_async_drop_chunk(async);
	/* Otherwise a walk over the parts, to cancel them, may be under way. */
	if (!f->done) {
		each->compound.n = 0;
		if (done->error)
			afi_each_finish(each, done->error, 0);
		else
			afi_each_go_on(each);
		af_future_unref(done);
	}
	af_future_unref(f);
}

/* Ends the whole, unless fn has done that, when it cannot wait for the part. */
static void each_async_refuse(struct each_async *async, int error)
{
	struct af_future *f = &async->each.compound.future;

	if (!f->done)
		afi_each_finish(&async->each, error, 0);
}

/*
 * Waits for a pending future, and takes its reference. The bytes stay valid
 * until it is done, even if the whole has ended by then. Returns 1.
 */
static int each_async_wait(struct each_async *async, struct af_future *part)
{
	struct afi_each *each = &async->each;
	struct af_future *f = &each->compound.future;
	bool ended = f->done;
	int r;

	if (afi_future_needs(part, f)) {
		each_async_refuse(async, -EDEADLK);
		af_future_unref(part);
		return 1;
	}
	r = afi_future_wait(part, each_async_on_part, NULL, NULL,
			    af_future_ref(f));
	if (r < 0) {
		af_future_unref(f);
		each_async_refuse(async, r);
		af_future_cancel(part);
		af_future_unref(part);
		return 1;
	}
	async->chunk = each->chunk;
	if (async->chunk)
		atomic_fetch_add_explicit(&async->chunk->refs, 1,
					  memory_order_relaxed);
	each->compound.parts[0] = part;
	each->compound.n = 1;
	if (ended) /* by fn, which may have cancelled it */
		af_future_cancel(part);
	else
		afi_each_hold(each);
	/* Somebody may be waiting for the whole already. */
	f->loop->maybe_stuck |= afi_future_needs(part, NULL);
	return 1;
}

static int each_async_on_piece(const char *data, size_t len, unsigned flags,
			       void *arg)
{
	struct each_async *async = arg;
	struct af_future *f = &async->each.compound.future, *part;
	int r;

	f->running = true;
	part = async->fn(data, len, flags, async->arg);
	f->running = false;
	if (!part)
		return 0;
	if (!part->done)
		return each_async_wait(async, part);
	r = part->error;
	af_future_unref(part);
	return r;
}

static void each_async_destroy(struct af_future *f)
{
	each_async_drop_chunk(each_async_of(f));
}

/* Whether it can do that with the file: 0 or -errno. */
static int each_async_check(const struct af_file *file, enum af_each what)
{
	switch (what) {
	case AFIO_EACH_LINE:
	case AFIO_EACH_CHUNK:
		return 0;
	case AFIO_EACH_RECORD:
		return file && !file->is_message && !file->is_record ? -ENOTSUP
								     : 0;
	}
	return -EINVAL;
}

struct af_future *af_file_each_async(struct af_file *file, enum af_each what,
				     af_each_async_fn fn, void *arg)
{
	static const struct afi_future_ops ops = {
		.name = "each async",
		.size = sizeof(struct each_async),
		.cancel = afi_each_cancel,
		.destroy = each_async_destroy,
		.kind = AFI_COMPOUND,
		.hides_parts = true,
		.is_operation = true,
		.progress = afi_op_progress,
		.describe = afi_each_describe,
	};
	int r = fn ? each_async_check(file, what) : -EINVAL;
	struct af_future *f;
	struct each_async *async;

	f = afi_each_new(file, &ops, r, NULL, what, each_async_on_piece, NULL);
	if (f->done)
		return f;
	async = each_async_of(f);
	async->each.arg = async;
	async->fn = fn;
	async->arg = arg;
	async->each.compound.parts = malloc(sizeof(struct af_future *));
	if (async->each.compound.parts)
		afi_file_queue(file, &async->each.op);
	else
		afi_future_finish(f, -ENOMEM);
	return f;
}
