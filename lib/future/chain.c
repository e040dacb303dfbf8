/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains: then, catch, finally, on_done. References: a link of a chain has one
 * to its source, the future that it waits for. The waiter of the source has one
 * to the link, so that a chain runs even if the program has dropped its end.
 * The source runs each waiter once, which breaks the cycle.
 */
#include "config.h"

#include <errno.h>

#include "future/future.h"

static const struct afi_future_ops chain_ops = {
	.name = "chain",
	.size = sizeof(struct af_future),
};

/* Which outcomes a continuation is called for. */
enum call_on { ON_SUCCESS = 1, ON_FAILURE = 2, ON_BOTH = 3 };

static bool chain_wants(enum call_on on, const struct af_future *done)
{
	return on & (done->error ? ON_FAILURE : ON_SUCCESS);
}

/* Calls a continuation: what it returns, or NULL for the outcome of done. */
static struct af_future *chain_call(af_continuation_fn fn,
				    struct af_future *done, void *arg)
{
	struct af_future *next = fn(done, arg);

	return next == done ? NULL : next;
}

/* Ends a link with the outcome of a future that is done, borrowed. */
static void chain_settle(struct af_future *link, struct af_future *done)
{
	struct af_future *before = link->source;

	/* Where the result was made, however long the chain is. */
	link->source = af_future_ref(afi_future_owner(done));
	af_future_unref(before);
	afi_future_finish(link, done->error);
}

/*
 * Whether next waits for the link; or, ended early, has it as a part, which
 * would be a circle of references.
 */
static bool chain_is_circle(struct af_future *next,
			    const struct af_future *link)
{
	struct af_future *owner = afi_future_owner(next);

	if (!next->done)
		return afi_future_is_needed(link, next);
	return owner->loop == link->loop && owner->ops->kind == AFI_COMPOUND &&
	       afi_future_holds(owner, link);
}

static void chain_fail(struct af_future *link, int error)
{
	struct af_future *failed = afi_future_failed(link->loop, error);

	chain_settle(link, failed);
	af_future_unref(failed);
}

static void chain_run_follow(struct afi_waiter *waiter, struct af_future *done)
{
	struct af_future *link = waiter->child;

	/* It may have ended with what was no circle when it was returned. */
	if (chain_is_circle(done, link))
		chain_fail(link, -EDEADLK);
	else
		chain_settle(link, done);
}

/*
 * A link that nobody knows but one other that follows it can be left out. Else
 * a loop, written as continuations that return chains, would grow by a link
 * with each time round. Returns the link that is to follow in its place.
 */
static struct af_future *chain_leave_out(struct af_future *link)
{
	struct af_future *follower;

	if (link->refs != 2 || !link->waiters || link->waiters->next ||
	    link->waiters->run != chain_run_follow)
		return link;
	follower = link->waiters->child;
	link->waiters = NULL;
	follower->source = NULL;
	af_future_unref(link);
	afi_future_finish(link, -ECANCELED);
	return follower;
}

/* A link's outcome will be that of next, whose reference it takes. */
static void chain_follow(struct af_future *link, struct af_future *next)
{
	int r = 0;

	if (chain_is_circle(next, link)) {
		r = -EDEADLK;
	} else if (!next->done) {
		link = chain_leave_out(link);
		af_future_unref(link->source);
		link->source = next;
		r = afi_future_wait(next, chain_run_follow, NULL, NULL, link);
		if (r == 0) {
			/* Somebody may be waiting for this link already. */
			link->loop->maybe_stuck += afi_future_may_need(next);
			return;
		}
		link->source = NULL;
	}
	if (r < 0)
		chain_fail(link, r);
	else
		chain_settle(link, next);
	af_future_unref(next);
}

static struct af_future *chain_call_link(const struct afi_waiter *waiter,
					 struct af_future *done)
{
	struct af_future *link = waiter->child, *next;

	link->running = true;
	next = chain_call((af_continuation_fn)waiter->fn, done, waiter->arg);
	link->running = false;
	return next;
}

/*
 * The same, of a link that was cancelled when its source was done already. Only
 * what an af_then() returns is cancelled, and nothing after a link that failed
 * of the cancel.
 */
static struct af_future *chain_call_canceled(const struct afi_waiter *waiter,
					     struct af_future *done,
					     enum call_on on)
{
	struct af_future *link = waiter->child, *next = NULL;
	bool asked =
		done->cancel != AFI_CANCEL_TOLD && done->error != -ECANCELED;

	link->cancel = asked ? AFI_CANCEL_ASKED : AFI_CANCEL_TOLD;
	if (chain_wants(on, done)) {
		link->loop->held = asked;
		next = chain_call_link(waiter, done);
		link->loop->held = false;
	}
	/* Or it was cancelled again, during the call. */
	if (asked ? on == ON_SUCCESS : link->cancel == AFI_CANCEL_ASKED)
		af_future_cancel(next);
	return next;
}

/* What a source does when it is done: call, and see what comes of it. */
static void chain_run(struct afi_waiter *waiter, struct af_future *done,
		      enum call_on on)
{
	struct af_future *link = waiter->child;
	struct af_future *next = NULL;

	if (!link) { /* no memory for one, or its loop was being freed */
		if (chain_wants(on, done))
			af_future_unref(
				chain_call((af_continuation_fn)waiter->fn, done,
					   waiter->arg));
		return;
	}
	if (link->cancel) {
		next = chain_call_canceled(waiter, done, on);
	} else if (chain_wants(on, done)) {
		next = chain_call_link(waiter, done);
		if (next && link->cancel) /* during the call */
			af_future_cancel(next);
	}
	if (next)
		chain_follow(link, next);
	else
		chain_settle(link, done);
}

static void chain_run_then(struct afi_waiter *waiter, struct af_future *done)
{
	chain_run(waiter, done, ON_SUCCESS);
}

static void chain_run_catch(struct afi_waiter *waiter, struct af_future *done)
{
	chain_run(waiter, done, ON_FAILURE);
}

static void chain_run_finally(struct afi_waiter *waiter, struct af_future *done)
{
	chain_run(waiter, done, ON_BOTH);
}

/* Without a loop, or memory, to do it later. Consumes done. */
static struct af_future *chain_call_now(struct af_future *done, enum call_on on,
					af_continuation_fn fn, void *arg)
{
	struct af_future *next = NULL;

	if (chain_wants(on, done))
		next = chain_call(fn, done, arg);
	if (!next)
		return done;
	af_future_unref(done);
	return next;
}

static struct af_future *chain_add(struct af_future *f, enum call_on on,
				   void (*run)(struct afi_waiter *,
					       struct af_future *),
				   af_continuation_fn fn, void *arg)
{
	struct af_loop *loop = f ? f->loop : NULL;
	struct af_future *link = NULL;

	if (!f || !fn) {
		struct af_future *failed = afi_future_failed(loop, -EINVAL);

		af_future_unref(f); /* and with it maybe the loop */
		f = failed;
		return fn ? chain_call_now(f, on, fn, arg) : f;
	}
	if (!afi_future_has_loop(f))
		return chain_call_now(f, on, fn, arg);
	if (afi_loop_alive(loop))
		link = afi_future_new(loop, &chain_ops);
	if (link)
		link->source = f;
	if (afi_future_wait(f, run, (void (*)(void))fn, arg, link) < 0) {
		if (link) {
			link->source = NULL;
			afi_future_finish(link, -ENOMEM);
			af_future_unref(link);
		}
		af_future_unref(f);
		return chain_call_now(afi_future_failed(loop, -ENOMEM), on, fn,
				      arg);
	}
	if (link)
		return link;
	af_future_unref(f);
	return afi_future_failed(loop, -ENOMEM);
}

struct af_future *af_then(struct af_future *f, af_continuation_fn fn, void *arg)
{
	return chain_add(f, ON_SUCCESS, chain_run_then, fn, arg);
}

struct af_future *af_catch(struct af_future *f, af_continuation_fn fn,
			   void *arg)
{
	return chain_add(f, ON_FAILURE, chain_run_catch, fn, arg);
}

struct af_future *af_finally(struct af_future *f, af_continuation_fn fn,
			     void *arg)
{
	return chain_add(f, ON_BOTH, chain_run_finally, fn, arg);
}

static void chain_run_done(struct afi_waiter *waiter, struct af_future *done)
{
	((af_done_fn)waiter->fn)(done, waiter->arg);
}

void af_on_done(struct af_future *f, af_done_fn fn, void *arg)
{
	if (!f)
		f = afi_future_failed(NULL, -EINVAL);
	if (!fn)
		;
	else if (!afi_future_has_loop(f))
		fn(f, arg);
	else if (afi_future_wait(f, chain_run_done, (void (*)(void))fn, arg,
				 NULL))
		fn(afi_future_failed(f->loop, -ENOMEM), arg);
	af_future_unref(f);
}
