/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A map: a function of the program makes futures, of which at most n are
 * pending at a time. Each call of the function is a task. So even a long series
 * of futures that are done already does not keep the base from being polled.
 * The pending futures are the map's parts; one that is done makes room for
 * another.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "future/future.h"

struct map {
	struct afi_compound compound; /* its count: how many succeeded */
	af_make_fn make;
	void *arg;
	size_t n;	/* at a time */
	size_t *vacant; /* places in the compound's parts */
	size_t n_vacant;
	struct afi_task task; /* a call of make is due */
	int error;	      /* the first failure */
	bool settle;
	bool over; /* make is not called again */
	bool canceled;
};

static struct map *map_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct map, compound.future);
}

static size_t map_pending(const struct map *map)
{
	return map->compound.n - map->n_vacant;
}

static void map_cancel(struct af_future *f)
{
	map_of(f)->canceled = true;
	afi_future_finish(f, -ECANCELED);
}

static void map_destroy(struct af_future *f)
{
	free(map_of(f)->vacant);
}

static size_t map_progress(const struct af_future *f)
{
	return f->count;
}

static void map_describe(const struct af_future *f, FILE *out)
{
	const struct map *map =
		AFI_CONTAINER(f, const struct map, compound.future);

	fprintf(out, ", %zu pending, %zu succeeded", map_pending(map),
		f->count);
}

static const struct afi_future_ops map_ops = {
	.name = "map",
	.size = sizeof(struct map),
	.cancel = map_cancel,
	.destroy = map_destroy,
	.kind = AFI_COMPOUND,
	.hides_parts = true,
	.progress = map_progress,
	.describe = map_describe,
};

/* A vacant place has a part that is done, as walks over parts expect. */
static void map_vacate(struct map *map, size_t place)
{
	map->compound.parts[place] = afi_future_failed(NULL, -EINVAL);
	map->vacant[map->n_vacant++] = place;
}

static int map_grow(struct map *map)
{
	struct afi_compound *compound = &map->compound;
	size_t n = compound->n < 4 ? 4 : 2 * compound->n;
	struct af_future **parts;
	size_t *vacant;

	if (n > map->n)
		n = map->n;
	vacant = realloc(map->vacant, n * sizeof(*vacant));
	if (!vacant)
		return -ENOMEM;
	map->vacant = vacant;
	parts = realloc(compound->parts, n * sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	compound->parts = parts;
	while (compound->n < n)
		map_vacate(map, compound->n++);
	return 0;
}

static void map_fail(struct map *map, int error)
{
	map->over = true;
	if (map->error == 0)
		map->error = error;
}

static void map_count(struct map *map, const struct af_future *done)
{
	if (done->error == 0)
		map->compound.future.count++;
	else if (!map->settle)
		map_fail(map, done->error);
}

static void map_call(struct afi_task *task);

/* Calls make soon, or ends, if it is time. */
static void map_go_on(struct map *map)
{
	struct af_future *f = &map->compound.future;

	if (f->done || f->running || map->task.run)
		return;
	if (map->over && map_pending(map) == 0) {
		afi_future_finish(f, map->error);
	} else if (!map->over && map_pending(map) < map->n) {
		af_future_ref(f);
		afi_loop_ready(f->loop, &map->task, map_call);
	}
}

static void map_on_part(struct afi_waiter *waiter, struct af_future *done)
{
	struct af_future *f = waiter->child;
	struct map *map = map_of(f);
	size_t place = (size_t)(uintptr_t)waiter->arg;

	if (!f->done) {
		map_vacate(map, place);
		map_count(map, done);
		af_future_unref(done);
		map_go_on(map);
	}
	af_future_unref(f);
}

/* What depends on the map would never be done; it may be there already. */
static bool map_is_needed_by(struct map *map, struct af_future *part)
{
	struct af_future *f = &map->compound.future;

	return part == f || (f->waiters && afi_future_needs(part, f));
}

/* Waits for a pending part, whose reference it takes if it returns 0. */
static int map_wait(struct map *map, struct af_future *part)
{
	struct af_future *f = &map->compound.future;
	size_t place;
	int r;

	if (map_is_needed_by(map, part))
		return -EDEADLK;
	if (map->n_vacant == 0 && map_grow(map) < 0)
		return -ENOMEM;
	place = map->vacant[map->n_vacant - 1];
	r = afi_future_wait(part, map_on_part, NULL, (void *)(uintptr_t)place,
			    f);
	if (r < 0)
		return r;
	af_future_ref(f);
	map->n_vacant--;
	map->compound.parts[place] = part;
	/* Somebody may be waiting for the map already. */
	f->loop->maybe_stuck += afi_future_needs_near(part, NULL) != 0;
	return 0;
}

/* Consumes what make has returned, except what belongs to another thread. */
static void map_take(struct map *map, struct af_future *part)
{
	struct af_loop *loop = map->compound.future.loop;
	int r;

	if (!part) {
		map->over = true;
	} else if (part->loop && part->loop != loop) {
		map_fail(map, -EINVAL);
		if (afi_loop_is_mine(part->loop))
			af_future_unref(part);
	} else if (part->done) {
		map_count(map, part);
		af_future_unref(part);
	} else {
		r = map_wait(map, part);
		if (r == 0)
			return;
		map_fail(map, r);
		if (r == -ENOMEM)
			af_future_cancel(part);
		af_future_unref(part);
	}
}

static void map_call(struct afi_task *task)
{
	struct map *map = AFI_CONTAINER(task, struct map, task);
	struct af_future *f = &map->compound.future, *part;

	if (!f->done && !map->over) {
		f->running = true;
		part = map->make(map->arg);
		f->running = false;
		if (!f->done) {
			map_take(map, part);
		} else {
			if (map->canceled)
				af_future_cancel(part);
			af_future_unref(part);
		}
	}
	map_go_on(map);
	af_future_unref(f);
}

struct af_future *af_map(struct af_loop *loop, af_make_fn make, void *arg,
			 size_t n, unsigned flags)
{
	bool valid = make && n > 0 && !(flags & ~AFIO_SETTLE);
	struct af_future *f = afi_operation_begin(loop, valid, &map_ops);
	struct map *map;

	if (f->done)
		return f;
	map = map_of(f);
	map->make = make;
	map->arg = arg;
	map->n = n;
	map->settle = flags & AFIO_SETTLE;
	f->since = afi_now_coarse();
	map_go_on(map);
	return f;
}
