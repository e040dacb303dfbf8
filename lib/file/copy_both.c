/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copying in both directions at the same time: a compound of two copies. Does
 * not know how they copy.
 */
#include "config.h"

#include <stdlib.h>

#include "file/copy.h"
#include "file/op.h"

struct copy_both {
	struct afi_compound compound;
	unsigned n_left; /* directions that have not ended */
};

static struct copy_both *copy_both_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct copy_both, compound.future);
}

static size_t copy_both_count(const struct af_future *f)
{
	const struct afi_compound *compound =
		AFI_CONTAINER(f, const struct afi_compound, future);
	size_t count = 0;

	for (size_t i = 0; i < compound->n; i++)
		count += compound->parts[i]->count;
	return count;
}

static void copy_both_finish(struct copy_both *both, int error, unsigned flags)
{
	struct af_future *f = &both->compound.future;

	f->count = copy_both_count(f);
	f->flags = (uint8_t)flags;
	afi_future_finish(f, error);
}

/* First the parts: bytes that are on their way count, too. */
static void copy_both_end(struct copy_both *both, int error)
{
	struct af_future *f = af_future_ref(&both->compound.future);

	for (size_t i = 0; i < both->compound.n; i++)
		af_future_cancel(both->compound.parts[i]);
	if (!f->done)
		copy_both_finish(both, error, error ? 0 : AFIO_EOF);
	af_future_unref(f);
}

/* The error of a part, other than by the deadline; 0: none. */
static int copy_both_error(const struct copy_both *both)
{
	for (size_t i = 0; i < both->compound.n; i++) {
		const struct af_future *part = both->compound.parts[i];

		if (part->done && part->error && part->error != -ETIMEDOUT)
			return part->error;
	}
	return 0;
}

static bool copy_both_is_over(const struct copy_both *both)
{
	const struct afi_compound *compound = &both->compound;

	/* Code of the program that runs in the first may free the loop. */
	return compound->n == 2 && compound->parts[0]->done &&
	       compound->parts[1]->done;
}

/* What is done stays done, though its waiter has not run yet. */
static void copy_both_cancel(struct af_future *f)
{
	struct copy_both *both = copy_both_of(f);
	int error = copy_both_error(both);

	if (error == 0 && !copy_both_is_over(both))
		error = -ECANCELED;
	copy_both_end(both, error);
}

static void copy_both_on_part(struct afi_waiter *waiter, struct af_future *done)
{
	struct af_future *f = waiter->child;
	struct copy_both *both = copy_both_of(f);

	both->n_left--;
	if (!f->done && done->error)
		copy_both_end(both, done->error);
	else if (!f->done && both->n_left == 0)
		copy_both_finish(both, 0, AFIO_EOF);
	af_future_unref(f);
}

static bool copy_both_is_timed_out(const struct copy_both *both)
{
	for (size_t i = 0; i < both->compound.n; i++) {
		const struct af_future *part = both->compound.parts[i];

		if (part->error || part->flags & AFIO_TIMEDOUT)
			return true;
	}
	return false;
}

/* Each part takes what has arrived by now, and ends. */
static void copy_both_expire(struct af_future *f)
{
	struct copy_both *both = copy_both_of(f);
	int error;

	af_future_ref(f);
	for (size_t i = 0; i < both->compound.n; i++) {
		struct af_future *part = both->compound.parts[i];

		if (!part->done)
			part->ops->expire(part);
	}
	if (f->done)
		goto out;
	error = copy_both_error(both);
	if (error)
		copy_both_finish(both, error, 0);
	else if (!copy_both_is_timed_out(both))
		copy_both_finish(both, 0, AFIO_EOF);
	else if (copy_both_count(f) > 0)
		copy_both_finish(both, 0, AFIO_TIMEDOUT);
	else
		copy_both_finish(both, -ETIMEDOUT, 0);
out:
	af_future_unref(f);
}

static void copy_both_describe(const struct af_future *f, FILE *out)
{
	fprintf(out, ", %zu bytes so far", copy_both_count(f));
}

static int copy_both_check(const struct af_file *a, const struct af_file *b,
			   const struct timeval *timeout)
{
	int r = 0;

	for (int i = AFI_READ; i <= AFI_WRITE && r == 0; i++) {
		r = afi_op_check(a, i, 0, 0, timeout);
		if (r == 0)
			r = afi_op_check(b, i, 0, 0, timeout);
	}
	if (r == 0 && (a == b || a->loop != b->loop))
		r = -EINVAL;
	return r;
}

/* Begins a direction; it may be over at once, which is seen later. */
static void copy_both_add(struct copy_both *both, struct af_file *from,
			  struct af_file *to)
{
	struct af_future *f = &both->compound.future;
	struct af_future *part = afi_copy_through(from, to);

	both->compound.parts[both->compound.n++] = part;
	/* A failure for want of memory may belong to no loop. */
	if (!part->loop)
		copy_both_end(both, part->error);
	else if (!f->done)
		afi_future_wait(part, copy_both_on_part, NULL, NULL,
				af_future_ref(f));
}

struct af_future *af_file_copy_both(struct af_file *a, struct af_file *b,
				    const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "copy both",
		.size = sizeof(struct copy_both),
		.cancel = copy_both_cancel,
		.expire = copy_both_expire,
		.kind = AFI_COMPOUND,
		.is_operation = true,
		.progress = copy_both_count,
		.describe = copy_both_describe,
	};
	struct af_future *f =
		afi_op_new(a, &ops, copy_both_check(a, b, timeout));
	struct copy_both *both;

	if (f->done)
		return f;
	both = copy_both_of(f);
	both->n_left = 2;
	both->compound.parts = malloc(2 * sizeof(struct af_future *));
	if (!both->compound.parts) {
		afi_future_finish(f, -ENOMEM);
		return f;
	}
	afi_file_hold(a);
	afi_file_hold(b);
	copy_both_add(both, a, b);
	/* Code of the program that runs in the first may close a file. */
	if (!f->done && (a->closing || b->closing))
		copy_both_end(both, -ECANCELED);
	if (!f->done)
		copy_both_add(both, b, a);
	if (afi_op_wait(f, timeout) < 0)
		copy_both_end(both, -ENOMEM);
	afi_file_let_go(b);
	afi_file_let_go(a);
	return f;
}
