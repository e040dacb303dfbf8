/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A shield: a future that has the outcome of another one, its source, and that
 * can be cancelled or dropped without it. The source's waiter holds no
 * reference to the shield, so that the shield notices when it has none left.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "future/future.h"

struct shield {
	struct af_future future;
	struct afi_tie tie; /* to the source */
	bool kept;	    /* it has a reference to itself */
};

static struct shield *shield_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct shield, future);
}

/* The end of a future takes its own reference, which it may not have. */
static void shield_finish(struct af_future *f, int error)
{
	if (!shield_of(f)->kept)
		af_future_ref(f);
	shield_of(f)->kept = false;
	afi_future_finish(f, error);
}

static void shield_settle(struct af_future *f, struct af_future *done)
{
	struct af_future *before = f->source;

	f->source = af_future_ref(afi_future_owner(done));
	shield_finish(f, done->error);
	af_future_unref(before);
}

static void shield_run(struct afi_waiter *waiter, struct af_future *done)
{
	shield_settle(waiter->child, done);
}

static void shield_cancel(struct af_future *f)
{
	struct af_future *source = f->source;

	afi_future_untie(source, &shield_of(f)->tie);
	f->source = NULL;
	shield_finish(f, -ECANCELED);
	af_future_unref(source);
}

/* Waiters that run in the end keep it; else it lets go of its source. */
static bool shield_keep(struct af_future *f)
{
	if (f->done)
		return false;
	if (f->waiters) {
		shield_of(f)->kept = true;
		f->refs = 1;
		return true;
	}
	afi_future_untie(f->source, &shield_of(f)->tie);
	f->done = true;
	return false;
}

static const struct afi_future_ops shield_ops = {
	.name = "shield",
	.size = sizeof(struct shield),
	.cancel = shield_cancel,
	.keep = shield_keep,
	.kind = AFI_SHIELD,
};

struct af_future *af_shield(struct af_future *f)
{
	struct af_loop *loop = f ? f->loop : NULL;
	struct af_future *shield = NULL;

	if (!f)
		return afi_future_failed(NULL, -EINVAL);
	if (loop && !afi_loop_is_mine(loop))
		return afi_future_failed(loop, -EPERM);
	if (f->done && !afi_loop_alive(loop))
		return f; /* no cancel can touch it */
	if (afi_loop_alive(loop))
		shield = afi_future_new(loop, &shield_ops);
	if (!shield) {
		shield = afi_future_failed(loop, -ENOMEM);
		af_future_unref(f); /* and with it maybe the loop */
		return shield;
	}
	shield->refs = 1; /* the caller's */
	shield->source = f;
	if (f->done)
		shield_settle(shield, f);
	else
		afi_future_tie(f, &shield_of(shield)->tie, shield_run, shield);
	return shield;
}
