/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accepts every connection, and passes each to a function.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "net/takers.h"

struct accept_each {
	struct af_future future;
	struct afi_taker taker;
	af_accept_fn fn;
	void *arg;
};

static struct accept_each *accept_each_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct accept_each, future);
}

static void accept_each_end(struct afi_taker *taker, int error)
{
	afi_takers_remove(taker);
	afi_future_finish(taker->future, error);
}

/* fn may cancel it, close the listener, free the loop, and wait. */
static void accept_each_take(struct afi_taker *taker, struct af_file *file,
			     const struct afi_address *peer)
{
	struct accept_each *each = accept_each_of(taker->future);
	struct af_future *f = af_future_ref(taker->future);
	int r;

	(void)peer;
	f->count++;
	f->running = taker->busy = true;
	r = each->fn(file, each->arg);
	f->running = taker->busy = false;
	if (r != 0 && !f->done)
		accept_each_end(taker, r < 0 ? r : 0);
	af_future_unref(f);
}

static void accept_each_cancel(struct af_future *f)
{
	accept_each_end(&accept_each_of(f)->taker, -ECANCELED);
}

static size_t accept_each_progress(const struct af_future *f)
{
	return f->count;
}

static void accept_each_describe(const struct af_future *f, FILE *out)
{
	const struct accept_each *each =
		AFI_CONTAINER(f, const struct accept_each, future);

	afi_listener_describe(each->taker.listener, out);
	fprintf(out, ", %zu connections so far", f->count);
}

static const struct afi_future_ops accept_each_ops = {
	.name = "accept each",
	.size = sizeof(struct accept_each),
	.cancel = accept_each_cancel,
	.progress = accept_each_progress,
	.describe = accept_each_describe,
};

struct af_future *af_listener_each(struct af_listener *listener,
				   af_accept_fn fn, void *arg)
{
	struct af_future *f =
		afi_operation_begin(listener ? listener->loop : NULL,
				    listener && fn, &accept_each_ops);
	struct accept_each *each;
	int r;

	if (f->done)
		return f;
	each = accept_each_of(f);
	r = afi_listener_check(listener);
	if (r < 0) {
		afi_future_finish(f, r);
		return f;
	}
	each->fn = fn;
	each->arg = arg;
	each->taker.take = accept_each_take;
	each->taker.end = accept_each_end;
	each->taker.ends_well = true;
	f->since = afi_now_coarse();
	afi_takers_add(listener, &each->taker, f);
	afi_takers_look(&each->taker);
	return f;
}
