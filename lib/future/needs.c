/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether one future waits for another. Changes no future, except that the walk
 * stores in each compound from where it was entered: recursion would need
 * stack.
 */
#include "config.h"

#include "base/container.h"
#include "future/future.h"

/* How far a walk goes that is made often. */
#define NEAR 32

/*
 * It cannot be done before that continuation if any of all, or all of any,
 * cannot. But a circle is a circle, also with a way out.
 */
static bool needs_all(const struct afi_compound *compound,
		      const struct af_future *other)
{
	return !other && compound->future.ops->needs_one;
}

/*
 * Looks along a chain: sets *ret_found, or returns a compound in its way. With
 * held, also along what is done and has a loop, because it has references.
 */
static struct afi_compound *needs_along(struct af_future *f,
					const struct af_future *other,
					bool held, bool *ret_found)
{
	for (; f && (held ? f->loop != NULL : !f->done); f = f->source) {
		*ret_found = other ? f == other : f->running;
		if (*ret_found)
			return NULL;
		if (f->ops->kind == AFI_COMPOUND)
			return AFI_CONTAINER(f, struct afi_compound, future);
	}
	*ret_found = false;
	return NULL;
}

static void needs_enter(struct afi_compound *compound,
			struct afi_compound *above, unsigned walk,
			const struct af_future *other)
{
	compound->looked = walk;
	compound->look.above = above;
	compound->look.next = 0;
	compound->found = needs_all(compound, other);
}

/* 0 or 1; -1 if that depends on what lies deeper. */
static int needs_walk(struct afi_compound *compound,
		      const struct af_future *other, bool held, size_t depth)
{
	unsigned walk = ++compound->future.loop->walks;
	struct afi_compound *above, *below;
	bool found, unknown = false;

	needs_enter(compound, NULL, walk, other);
	for (;;) {
		if (compound->look.next == compound->n ||
		    compound->found != needs_all(compound, other)) {
			above = compound->look.above;
			if (!above)
				break;
			above->found = compound->found;
			compound = above;
			depth++;
			continue;
		}
		below = needs_along(compound->parts[compound->look.next++],
				    other, held, &found);
		if (!below) {
			compound->found = found;
		} else if (below->looked == walk) {
			compound->found = below->found; /* seen already */
		} else if (depth == 0) {
			unknown = true;
		} else {
			needs_enter(below, compound, walk, other);
			compound = below;
			depth--;
		}
	}
	return compound->found ? 1 : -unknown;
}

bool afi_future_needs(struct af_future *f, const struct af_future *other)
{
	bool found;
	struct afi_compound *compound = needs_along(f, other, false, &found);

	return compound ? needs_walk(compound, other, false, SIZE_MAX) : found;
}

/* Looks along what waits for f: 1 if other does, 0, or -1: it is not known. */
static int needs_above(const struct af_future *f, const struct af_future *other)
{
	for (int i = 0; i < NEAR; i++) {
		if (f == other)
			return 1;
		if (!f->waiters)
			return 0;
		if (f->waiters->next)
			return -1;
		f = f->waiters->child;
		if (!f)
			return 0;
	}
	return -1;
}

bool afi_future_is_needed(const struct af_future *f, struct af_future *by)
{
	int r = needs_above(f, by);

	return r < 0 ? afi_future_needs(by, f) : r;
}

bool afi_future_may_need(const struct af_future *f)
{
	for (int i = 0; f && !f->done; f = f->source, i++)
		if (f->running || f->ops->kind == AFI_COMPOUND || i == NEAR)
			return true;
	return false;
}

bool afi_future_holds(struct af_future *f, const struct af_future *other)
{
	bool found;
	struct afi_compound *compound = needs_along(f, other, true, &found);

	return compound ? needs_walk(compound, other, true, SIZE_MAX) : found;
}

int afi_future_needs_near(struct af_future *f, const struct af_future *other)
{
	bool found;
	struct afi_compound *compound = needs_along(f, other, false, &found);

	return compound ? needs_walk(compound, other, false, NEAR) : found;
}
