/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures of several: all, any; and of one, but not for ever: with_timeout. A
 * group holds references to its parts from beginning to end, so that they can
 * be read; each part that is pending holds one to the group.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "future/future.h"

struct group {
	struct af_future future;
	struct af_future **parts;
	size_t n, n_left;
};

static struct group *of_future(const struct af_future *f)
{
	return (struct group *)f;
}

/* Ends a group, and then what it waited for. */
static void give_up(struct af_future *f, int error)
{
	af_future_ref(f);
	afi_future_finish(f, error);
	for (size_t i = 0; i < of_future(f)->n; i++)
		af_future_cancel(of_future(f)->parts[i]);
	af_future_unref(f);
}

static void group_cancel(struct af_future *f)
{
	give_up(f, -ECANCELED);
}

static void group_destroy(struct af_future *f)
{
	struct group *group = of_future(f);

	for (size_t i = 0; i < group->n; i++)
		af_future_unref(group->parts[i]);
	free(group->parts);
}

static struct af_future *group_part(const struct af_future *f, size_t i)
{
	return i < of_future(f)->n ? of_future(f)->parts[i] : NULL;
}

static const struct afi_future_ops all_ops = {
	.name = "all",
	.size = sizeof(struct group),
	.cancel = group_cancel,
	.destroy = group_destroy,
	.part = group_part,
};

static const struct afi_future_ops any_ops = {
	.name = "any",
	.size = sizeof(struct group),
	.cancel = group_cancel,
	.destroy = group_destroy,
	.part = group_part,
	.needs_one = true,
};

/* One part is done. */
static void on_part(struct afi_waiter *waiter, struct af_future *done)
{
	struct af_future *f = waiter->child;
	struct group *group = of_future(f);

	if (f->done) {
		;
	} else if (f->ops->needs_one) {
		/* It speaks for the group; what it brought is the result. */
		f->source = af_future_ref(done->source ? done->source : done);
		give_up(f, done->error);
	} else if (done->error || --group->n_left == 0) {
		afi_future_finish(f, done->error);
	}
	af_future_unref(f);
}

static struct af_future *drop(struct af_loop *loop, struct af_future **parts,
			      size_t n, int error)
{
	for (size_t i = 0; parts && i < n; i++)
		af_future_unref(parts[i]);
	return afi_future_failed(loop, error);
}

static struct af_future *group_new(struct af_loop *loop,
				   const struct afi_future_ops *ops,
				   struct af_future **parts, size_t n)
{
	struct group *group;
	struct af_future *f;
	bool valid = loop && (parts || n == 0) && (n > 0 || !ops->needs_one);

	for (size_t i = 0; valid && i < n; i++)
		valid = parts[i] && (!parts[i]->loop || parts[i]->loop == loop);
	if (!valid)
		return drop(loop, parts, n, -EINVAL);
	if (!afi_loop_alive(loop))
		return drop(loop, parts, n, -ECANCELED);
	f = afi_future_new(loop, ops);
	if (!f)
		return drop(loop, parts, n, -ENOMEM);
	group = of_future(f);
	group->parts = malloc((n ? n : 1) * sizeof(struct af_future *));
	if (!group->parts) {
		afi_future_finish(f, -ENOMEM);
		af_future_unref(f);
		return drop(loop, parts, n, -ENOMEM);
	}
	for (size_t i = 0; i < n; i++)
		group->parts[i] = parts[i];
	group->n = group->n_left = n;
	return f;
}

/* A part that is done already is seen here, so that the first of them wins. */
static int wait_for_parts(struct af_future *f)
{
	struct group *group = of_future(f);
	int r = 0;

	for (size_t i = 0; i < group->n && r == 0; i++) {
		struct af_future *part = group->parts[i];
		struct afi_waiter waiter = { .child = f };

		af_future_ref(f);
		if (part->done)
			on_part(&waiter, part);
		else
			r = afi_future_wait(part, on_part, NULL, NULL, f);
		if (r < 0)
			af_future_unref(f);
	}
	return r;
}

static struct af_future *group_start(struct af_future *f)
{
	if (f->ops != &all_ops && f->ops != &any_ops)
		return f; /* it failed to be made */
	if (of_future(f)->n == 0)
		afi_future_finish(f, 0);
	else if (wait_for_parts(f) < 0 && !f->done)
		afi_future_finish(f, -ENOMEM);
	return f;
}

struct af_future *af_all(struct af_loop *loop, struct af_future **futures,
			 size_t n)
{
	return group_start(group_new(loop, &all_ops, futures, n));
}

struct af_future *af_any(struct af_loop *loop, struct af_future **futures,
			 size_t n)
{
	return group_start(group_new(loop, &any_ops, futures, n));
}

struct af_future *af_future_part(const struct af_future *f, size_t i)
{
	return f && f->ops && f->ops->part ? f->ops->part(f, i) : NULL;
}

static void timeout_expire(struct af_future *f)
{
	/* If both came in one turn, the part was first: on_part() is next. */
	if (!of_future(f)->parts[0]->done)
		give_up(f, -ETIMEDOUT);
}

static const struct afi_future_ops timeout_ops = {
	.name = "with timeout",
	.size = sizeof(struct group),
	.cancel = group_cancel,
	.expire = timeout_expire,
	.destroy = group_destroy,
	.part = group_part,
	.needs_one = true,
};

struct af_future *af_with_timeout(struct af_future *f,
				  const struct timeval *timeout)
{
	struct af_future *timed;

	if (!f || !afi_timeout_valid(timeout)) {
		struct af_loop *loop = f ? f->loop : NULL;

		af_future_unref(f);
		return afi_future_failed(loop, -EINVAL);
	}
	if (f->done || !timeout)
		return f;
	timed = group_new(f->loop, &timeout_ops, &f, 1);
	if (timed->ops != &timeout_ops)
		return timed;
	if (afi_timeout_zero(timeout))
		timeout_expire(timed);
	else if (wait_for_parts(timed) < 0 ||
		 afi_future_expire_after(timed, timeout) < 0)
		give_up(timed, -ENOMEM);
	return timed;
}
