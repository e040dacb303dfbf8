/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits in continuations and in raw callbacks of libevent, in several levels;
 * groups of futures; loops that are made and freed beside.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soaking/loads.h"
#include "support/system.h"

#define MOST_WAITS 8

struct wait {
	struct task task;
	unsigned made; /* futures that a map has made */
};

static void wait_end(struct task *task)
{
	free(task);
}

static struct wait *wait_new(const char *name)
{
	struct wait *wait = soak_alloc(sizeof *wait);

	task_begin(&wait->task, name, wait_end);
	return wait;
}

static struct af_future *sleep_us(unsigned us)
{
	const struct timeval tv = { 0, (int)us };

	return af_sleep(soak.loop, &tv);
}

static void *wait_work(void *arg)
{
	return arg;
}

/*
 * Waits for a short sleep or for a worker, which may be cancelled meanwhile.
 * Where the program runs the base, every wait is as in a callback: files over
 * bufferevents must not be pending, and the first one needs a base of its own.
 */
static void wait_here(struct task *task, const char *where)
{
	static const struct timeval short_time = { 0, 500 };
	unsigned us = chance(4) ? 0 : 1 + pick(3000);
	int64_t began = soak_now_us(); /* before the sleep does */
	struct af_future *f =
		us ? sleep_us(us) : af_work(soak.loop, wait_work, NULL, NULL);
	bool was_foreign = soak.foreign > 0, was_scarce = soak.is_scarce;
	bool is_limited = chance(4);
	int r;

	if (soak.depth >= MOST_WAITS) {
		af_future_unref(f);
		return;
	}
	op_watch(task, us ? "sleep" : "af_work", af_future_ref(f), 0, NULL,
		 NULL);
	soak.depth++;
	tally.waits_begun++;
	r = is_limited ? af_await_for(f, &short_time) : af_await(f);
	soak.depth--;
	tally.waits++;
	if (r == 0 && soak_now_us() - began < us)
		soak_fail("%s: a sleep of %u us took %lld us", where, us,
			  (long long)(soak_now_us() - began));
	if (r != 0 && r != -ECANCELED && !(is_limited && r == -ETIMEDOUT) &&
	    !(was_foreign && r == -ENOTSUP) && !(was_scarce && r == -EMFILE))
		soak_fail("%s: a wait returned: %s", where, strerror(-r));
	tally.refused += r == -ENOTSUP || r == -EMFILE;
	af_future_unref(f);
}

static void wait_inside(struct af_future *done, void *arg)
{
	struct wait *wait = arg;

	(void)done;
	for (unsigned n = pick(3); n > 0; n--)
		wait_here(&wait->task, "continuation");
}

void load_wait(void)
{
	struct wait *wait = wait_new("wait");

	op_watch(&wait->task, "sleep", sleep_us(pick(2000)), 0, wait_inside,
		 wait);
	task_drop(&wait->task);
}

void wait_in_callback(void)
{
	struct wait *wait = wait_new("wait in a callback");

	wait_here(&wait->task, "callback");
	task_drop(&wait->task);
}

static struct af_future *wait_make(void *arg)
{
	struct wait *wait = arg;

	return wait->made++ < 8 ? sleep_us(pick(1500)) : NULL;
}

static void wait_mapped(struct af_future *done, void *arg)
{
	(void)arg;
	if (af_future_error(done) == 0 && af_future_count(done) != 8)
		soak_fail("map: %zu of 8", af_future_count(done));
}

static void wait_timed_out(struct af_future *done, void *arg)
{
	(void)arg;
	if (af_future_error(done) == 0)
		soak_fail("a sleep of ten seconds ended before its deadline");
}

void load_group(void)
{
	static const struct timeval ten_s = { 10, 0 }, soon = { 0, 2000 };
	struct wait *wait = wait_new("group");
	struct af_future *parts[4];
	struct af_future *(*const make[])(struct af_loop *, struct af_future **,
					  size_t) = { af_all, af_all_settled,
						      af_race, af_any };

	for (size_t i = 0; i < COUNT(parts); i++)
		parts[i] = chance(2) ? sleep_us(pick(3000))
				     : af_shield(sleep_us(pick(3000)));
	op_watch(&wait->task, "group",
		 make[pick(COUNT(make))](soak.loop, parts, COUNT(parts)), 0,
		 NULL, NULL);
	op_watch(&wait->task, "map",
		 af_map(soak.loop, wait_make, wait, 1 + pick(4), 0), 0,
		 wait_mapped, wait);
	op_watch(&wait->task, "limited",
		 af_with_timeout(af_sleep(soak.loop, &ten_s), &soon),
		 MAY_TIME_OUT, wait_timed_out, NULL);
	task_drop(&wait->task);
}

static void loop_count_canceled(struct af_future *done, void *arg)
{
	if (af_future_error(done) != -ECANCELED)
		soak_fail("an operation of a loop that was freed: %s",
			  strerror(-af_future_error(done)));
	++*(unsigned *)arg;
}

/* On the same base: freed while it has operations. */
static void loop_beside(void)
{
	static const struct timeval ten_s = { 10, 0 };
	struct af_loop *loop = af_loop_new(soak.base);
	struct af_file *file = NULL;
	unsigned canceled = 0;
	int fds[2];

	if (!loop) {
		op_lacked("af_loop_new", errno);
		return;
	}
	if (cloexec_pipe(fds) == 0) {
		file = af_file_new(loop, fds[0], 0);
		if (file)
			af_on_done(af_file_read(file, 10, 0, NULL),
				   loop_count_canceled, &canceled);
		else
			close(fds[0]);
	} else {
		fds[1] = -1;
	}
	af_on_done(af_sleep(loop, &ten_s), loop_count_canceled, &canceled);
	af_loop_free(loop);
	if (canceled != 1u + (file != NULL))
		soak_fail("loop: %u operations were cancelled", canceled);
	af_file_close(file);
	if (fds[1] >= 0)
		close(fds[1]);
}

/* A base of its own: driven to its end inside a continuation. */
static void loop_alone(void)
{
	static const struct timeval soon = { 0, 500 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *f;
	int r;

	if (!loop) {
		op_lacked("af_loop_new", errno);
		return;
	}
	f = af_sleep(loop, &soon);
	r = af_await(f);
	if (r < 0)
		soak_fail("another loop: %s", strerror(-r));
	af_future_unref(f);
	af_loop_free(loop);
}

static void loop_do(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	if (chance(2))
		loop_beside();
	else
		loop_alone();
}

void load_loop(void)
{
	struct wait *wait = wait_new("loop");

	op_watch(&wait->task, "sleep", sleep_us(1 + pick(1000)), 0, loop_do,
		 wait);
	task_drop(&wait->task);
}
