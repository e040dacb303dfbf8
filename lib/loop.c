/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop: the base, the queue of what is ready and the one place that drains
 * it, run and stop. Knows no future, no file and no process.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "loop.h"

/*
 * How many tasks run before the base is polled again. One poll costs about as
 * much as ten tasks: so many that it does not show, so few that nobody waits.
 */
#define ROUND_MAX 256

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct af_loop *loop = arg;

	(void)fd;
	(void)what;
	afi_loop_ref(loop);
	afi_loop_round(loop, NULL);
	if (!loop->freed && !TAILQ_EMPTY(&loop->ready))
		event_add(loop->kick, &(struct timeval){0, 0});
	afi_loop_unref(loop);
}

struct af_loop *af_loop_new(struct event_base *base)
{
	struct af_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->refs = 1;
	loop->owns_base = !base;
	loop->base_shared = base;
	loop->base = base ? base : event_base_new();
	TAILQ_INIT(&loop->ready);
	TAILQ_INIT(&loop->settle);
	TAILQ_INIT(&loop->pending);
	TAILQ_INIT(&loop->members);
	if (loop->base)
		loop->kick = evtimer_new(loop->base, on_kick, loop);
	if (!loop->kick) {
		if (loop->base && loop->owns_base)
			event_base_free(loop->base);
		free(loop);
		errno = ENOMEM;
		return NULL;
	}
	return loop;
}

void afi_loop_ref(struct af_loop *loop)
{
	loop->refs++;
}

void afi_loop_unref(struct af_loop *loop)
{
	if (--loop->refs == 0)
		free(loop);
}

struct afi_pool *afi_loop_pool(struct af_loop *loop)
{
	return loop->freed ? NULL : &loop->pool;
}

struct event_base *af_loop_base(const struct af_loop *loop)
{
	if (!loop || loop->freed)
		return NULL;
	/* From here on the program, too, can run it. */
	((struct af_loop *)loop)->base_shared = true;
	return loop->base;
}

/* Frees what libevent knows; not while it dispatches for us. */
static void release_base(struct af_loop *loop)
{
	event_free(loop->kick);
	loop->kick = NULL;
	if (loop->owns_base)
		event_base_free(loop->base);
	loop->base = NULL;
}

void af_loop_free(struct af_loop *loop)
{
	struct afi_member *member;

	if (!loop || loop->freed)
		return;
	loop->stopped = true;
	loop->freed = true;
	do {
		while ((member = TAILQ_FIRST(&loop->pending)))
			member->orphan(member);
		afi_loop_round(loop, NULL);
	} while (!TAILQ_EMPTY(&loop->pending) || !TAILQ_EMPTY(&loop->ready));
	while ((member = TAILQ_FIRST(&loop->members)))
		member->orphan(member);
	afi_pool_clear(&loop->pool);
	if (loop->drivers == 0)
		release_base(loop);
	afi_loop_unref(loop);
}

static void kick(struct af_loop *loop)
{
	/*
	 * A driver looks at the queues by itself, and on a base that nobody
	 * else knows there will be a driver before anything can happen.
	 */
	if (loop->drivers == 0 && loop->base_shared && !loop->freed &&
	    !evtimer_pending(loop->kick, NULL))
		event_add(loop->kick, &(struct timeval){0, 0});
}

void afi_loop_ready(struct af_loop *loop, struct afi_task *task,
		    void (*run)(struct afi_task *))
{
	assert(!task->run);
	task->run = run;
	TAILQ_INSERT_TAIL(&loop->ready, task, entry);
	kick(loop);
}

void afi_loop_settle(struct af_loop *loop, struct afi_task *task,
		     void (*run)(struct afi_task *))
{
	if (task->run)
		return;
	task->run = run;
	TAILQ_INSERT_TAIL(&loop->settle, task, entry);
	kick(loop);
}

void afi_task_cancel(struct afi_tasks *queue, struct afi_task *task)
{
	if (!task->run)
		return;
	TAILQ_REMOVE(queue, task, entry);
	task->run = NULL;
}

static void run_first(struct afi_tasks *tasks)
{
	struct afi_task *task = TAILQ_FIRST(tasks);
	void (*run)(struct afi_task *) = task->run;

	TAILQ_REMOVE(tasks, task, entry);
	task->run = NULL;
	run(task);
}

void afi_loop_round(struct af_loop *loop, const bool *done)
{
	/* A task may run a round of its own, so the list is looked up anew. */
	for (int n = 0; n < ROUND_MAX && !TAILQ_EMPTY(&loop->ready); n++) {
		run_first(&loop->ready);
		if (done && *done)
			return;
	}
	while (TAILQ_EMPTY(&loop->ready) && !TAILQ_EMPTY(&loop->settle))
		run_first(&loop->settle);
}

void afi_loop_join(struct afi_members *list, struct afi_member *member,
		   void (*orphan)(struct afi_member *))
{
	member->orphan = orphan;
	TAILQ_INSERT_TAIL(list, member, entry);
}

void afi_loop_leave(struct afi_members *list, struct afi_member *member)
{
	if (!member->orphan)
		return;
	TAILQ_REMOVE(list, member, entry);
	member->orphan = NULL;
}

void afi_loop_enter(struct af_loop *loop)
{
	afi_loop_ref(loop);
	/* The kick would only end the first turn too early. */
	if (loop->drivers++ == 0)
		event_del(loop->kick);
}

void afi_loop_exit(struct af_loop *loop)
{
	if (--loop->drivers == 0) {
		loop->stopped = false;
		if (loop->freed)
			release_base(loop);
		else if (!TAILQ_EMPTY(&loop->ready) ||
			 !TAILQ_EMPTY(&loop->settle))
			kick(loop);
	}
	afi_loop_unref(loop);
}

int afi_loop_turn(struct af_loop *loop)
{
	int flags = TAILQ_EMPTY(&loop->ready) ? EVLOOP_ONCE : EVLOOP_NONBLOCK;
	int r;

	loop->turning = true;
	r = event_base_loop(loop->base, flags);
	loop->turning = false;
	if (r < 0)
		return -EIO;
	if (event_base_got_exit(loop->base) || event_base_got_break(loop->base))
		loop->stopped = true;
	return r;
}

int af_loop_run(struct af_loop *loop)
{
	int r = 0;

	if (!loop)
		return -EINVAL;
	if (loop->freed)
		return -ECANCELED;
	if (loop->drivers > 0)
		return -EBUSY;
	afi_loop_enter(loop);
	while (!loop->stopped) {
		afi_loop_round(loop, NULL);
		if (loop->stopped)
			break;
		r = afi_loop_turn(loop);
		if (r < 0 || (r == 1 && TAILQ_EMPTY(&loop->ready)))
			break;
	}
	afi_loop_exit(loop);
	return r < 0 ? r : 0;
}

void af_loop_stop(struct af_loop *loop)
{
	if (loop && loop->drivers > 0)
		loop->stopped = true;
}
