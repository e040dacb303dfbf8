/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures made of several: all, all_settled, race, any; and of one, with a time
 * limit: with_timeout. A group holds references to its parts as long as it
 * exists, so that they can be read; each pending part holds one to the group.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "future/future.h"

struct group {
	struct afi_compound compound;
	size_t n_left;
	/* Of with_timeout: the time is over, and then the part is cancelled. */
	bool late, timed_out;
};

static struct group *group_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct group, compound.future);
}

static void group_cancel(struct af_future *f)
{
	afi_future_finish(f, -ECANCELED);
}

static const struct afi_future_ops group_all_ops = {
	.name = "all",
	.size = sizeof(struct group),
	.cancel = group_cancel,
	.kind = AFI_COMPOUND,
};

static const struct afi_future_ops group_all_settled_ops = {
	.name = "all settled",
	.size = sizeof(struct group),
	.cancel = group_cancel,
	.kind = AFI_COMPOUND,
};

static const struct afi_future_ops group_race_ops = {
	.name = "race",
	.size = sizeof(struct group),
	.cancel = group_cancel,
	.kind = AFI_COMPOUND,
	.needs_one = true,
};

static const struct afi_future_ops group_any_ops = {
	.name = "any",
	.size = sizeof(struct group),
	.cancel = group_cancel,
	.kind = AFI_COMPOUND,
	.needs_one = true,
};

/* Whether a part's outcome is that of the group. */
static bool group_is_decided(const struct group *group,
			     const struct af_future *done)
{
	const struct afi_future_ops *ops = group->compound.future.ops;

	if (group->n_left == 0)
		return true;
	if (ops == &group_all_ops)
		return done->error != 0;
	if (ops == &group_any_ops)
		return done->error == 0;
	return ops != &group_all_settled_ops;
}

/* The first to be done, or to succeed: its result is the group's. */
static void group_take(struct group *group, struct af_future *done)
{
	struct af_future *f = &group->compound.future;
	bool late = group->timed_out && done->error == -ECANCELED;

	f->source = af_future_ref(afi_future_owner(done));
	af_future_ref(f);
	afi_future_finish(f, late ? -ETIMEDOUT : done->error);
	afi_future_cancel_parts(&group->compound);
	af_future_unref(f);
}

static void group_on_part(struct afi_waiter *waiter, struct af_future *done)
{
	struct af_future *f = waiter->child;
	struct group *group = group_of(f);

	group->n_left--;
	if (f->done || !group_is_decided(group, done))
		;
	else if (f->ops->needs_one)
		group_take(group, done);
	else
		afi_future_finish(f,
				  f->ops == &group_all_ops ? done->error : 0);
	af_future_unref(f);
}

/* Consumes the parts, except what belongs to another thread. */
static struct af_future *
group_fail(struct af_loop *loop, struct af_future **parts, size_t n, int error)
{
	for (size_t i = 0; parts && i < n; i++)
		if (parts[i] && parts[i]->loop &&
		    afi_loop_is_mine(parts[i]->loop))
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
	int r;

	for (size_t i = 0; valid && i < n; i++)
		valid = parts[i] && (!parts[i]->loop || parts[i]->loop == loop);
	r = valid ? afi_loop_usable(loop) : -EINVAL;
	if (r < 0)
		return group_fail(loop, parts, n, r);
	f = afi_future_new(loop, ops);
	if (!f)
		return group_fail(loop, parts, n, -ENOMEM);
	group = group_of(f);
	group->compound.parts =
		malloc((n ? n : 1) * sizeof(struct af_future *));
	if (!group->compound.parts) {
		afi_future_finish(f, -ENOMEM);
		af_future_unref(f);
		return group_fail(loop, parts, n, -ENOMEM);
	}
	for (size_t i = 0; i < n; i++)
		group->compound.parts[i] = parts[i];
	group->compound.n = group->n_left = n;
	return f;
}

/* A part that is done already is seen here, so that the first of them wins. */
static int group_wait(struct af_future *f)
{
	struct group *group = group_of(f);
	int r = 0;

	for (size_t i = 0; i < group->compound.n && r == 0; i++) {
		struct af_future *part = group->compound.parts[i];
		struct afi_waiter waiter = { .child = f };

		af_future_ref(f);
		if (part->done)
			group_on_part(&waiter, part);
		else
			r = afi_future_wait(part, group_on_part, NULL, NULL, f);
		if (r < 0)
			af_future_unref(f);
	}
	return r;
}

static struct af_future *group_start(struct af_loop *loop,
				     const struct afi_future_ops *ops,
				     struct af_future **parts, size_t n)
{
	struct af_future *f = group_new(loop, ops, parts, n);

	if (f->ops != ops)
		return f; /* it failed to be made */
	if (n == 0)
		afi_future_finish(f, 0);
	else if (group_wait(f) < 0 && !f->done)
		afi_future_finish(f, -ENOMEM);
	return f;
}

struct af_future *af_all(struct af_loop *loop, struct af_future **futures,
			 size_t n)
{
	return group_start(loop, &group_all_ops, futures, n);
}

struct af_future *af_all_settled(struct af_loop *loop,
				 struct af_future **futures, size_t n)
{
	return group_start(loop, &group_all_settled_ops, futures, n);
}

struct af_future *af_race(struct af_loop *loop, struct af_future **futures,
			  size_t n)
{
	return group_start(loop, &group_race_ops, futures, n);
}

struct af_future *af_any(struct af_loop *loop, struct af_future **futures,
			 size_t n)
{
	return group_start(loop, &group_any_ops, futures, n);
}

/* Cancels the part, and waits for it only where its continuation is due. */
static void group_time_out(struct af_future *f)
{
	struct group *group = group_of(f);
	struct af_future *part = group->compound.parts[0];
	struct af_future *root = af_future_ref(afi_future_root(part));
	bool due = root->done;

	af_future_ref(f);
	group->timed_out = true;
	af_future_cancel(part);
	/* Its cancel function may have found a better end. */
	due |= root->error != -ECANCELED;
	if (!due && !f->done)
		afi_future_finish(f, -ETIMEDOUT);
	af_future_unref(root);
	af_future_unref(f);
}

/*
 * The time is over. Whoever woke late may not have seen what had come before:
 * libevent polls once more before it calls this again.
 */
static void group_expire(struct af_future *f)
{
	static const struct timeval now;
	struct group *group = group_of(f);
	bool late = group->late;

	/* If both came in one turn the part was first: its waiter runs next. */
	if (group->compound.parts[0]->done)
		return;
	group->late = true;
	if (late || afi_deadline_start(f->deadline, f->loop, &now,
				       f->deadline->passed) < 0)
		group_time_out(f);
}

static const struct afi_future_ops group_timeout_ops = {
	.name = "with timeout",
	.size = sizeof(struct group),
	.cancel = group_cancel,
	.expire = group_expire,
	.kind = AFI_COMPOUND,
	.needs_one = true,
};

/* The future that has the parts of f; or NULL. */
static const struct af_future *group_owner(const struct af_future *f)
{
	while (f && f->ops && f->ops->kind != AFI_COMPOUND)
		f = f->done ? f->source : NULL;
	return f && f->ops && !f->ops->hides_parts ? f : NULL;
}

struct af_future *af_future_part(const struct af_future *f, size_t i)
{
	const struct afi_compound *compound;

	f = group_owner(f);
	if (!f)
		return NULL;
	compound = AFI_CONTAINER(f, const struct afi_compound, future);
	return i < compound->n ? compound->parts[i] : NULL;
}

/* Begins to wait for its part, and for the time to pass; 0 or -ENOMEM. */
static int group_limit(struct af_future *f, const struct timeval *timeout)
{
	int r = group_wait(f);

	/* With no time at all, it is the first poll that counts. */
	group_of(f)->late = afi_timeout_zero(timeout);
	if (r == 0)
		r = afi_future_expire_after(f, timeout);
	if (r < 0 && !f->done)
		afi_future_finish(f, r);
	return r;
}

struct af_future *af_with_timeout(struct af_future *f,
				  const struct timeval *timeout)
{
	struct af_future *timed;

	if (f && f->loop && !afi_loop_is_mine(f->loop))
		return afi_future_failed(f->loop, -EPERM);
	if (!f || !afi_timeout_valid(timeout)) {
		timed = afi_future_failed(f ? f->loop : NULL, -EINVAL);
		af_future_unref(f); /* and with it maybe the loop */
		return timed;
	}
	if (f->done || !timeout)
		return f;
	af_future_ref(f);
	timed = group_new(f->loop, &group_timeout_ops, &f, 1);
	/* Nothing would limit it. */
	if (timed->ops != &group_timeout_ops || group_limit(timed, timeout) < 0)
		af_future_cancel(f);
	af_future_unref(f);
	return timed;
}
