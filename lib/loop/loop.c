/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop: the base, the queue of what is ready and the one place that drains
 * it, run and stop. Knows no future, no file and no process.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/evbase.h"
#include "loop/workers.h"

/*
 * How many tasks run before the base is polled again. One poll costs about as
 * much as ten tasks: so many that it does not show, so few that nobody waits.
 */
#define ROUND_MAX 256

static const struct timeval at_once;

/* Without memory for a timer, in the turn under way. */
static void start_kick(struct af_loop *loop)
{
	if (event_add(&loop->kick, &at_once) < 0)
		event_active(&loop->kick, EV_TIMEOUT, 0);
}

/*
 * Without a driver, the base's own run is told to run the queues. A driver
 * looks at them by itself, and on a base that nobody else knows there will be
 * one before anything can happen.
 */
static void kick(struct af_loop *loop)
{
	if (loop->drivers > 0 || !loop->home_shared || loop->freed)
		return;
	if (TAILQ_EMPTY(&loop->ready) && TAILQ_EMPTY(&loop->settle))
		return;
	if (!evtimer_pending(&loop->kick, NULL))
		start_kick(loop);
}

void afi_loop_nudge(struct af_loop *loop)
{
	if (!TAILQ_EMPTY(&loop->ready))
		start_kick(loop);
}

/* No round comes after: runs what is ready since the loop was freed. */
static void finish_freed(struct af_loop *loop)
{
	while (loop->freed && !TAILQ_EMPTY(&loop->ready))
		afi_loop_round(loop, NULL);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct af_loop *loop = arg;

	(void)fd;
	(void)what;
	/* Then it has done all it can by ending a driver's turn. */
	if (loop->drivers > 0)
		return;
	afi_loop_ref(loop);
	afi_loop_round(loop, NULL);
	finish_freed(loop);
	kick(loop);
	afi_loop_unref(loop);
}

/* A byte that a child by fork(2) finds to be zero, without a system call. */
static char *process_mark(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *mark = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mark == MAP_FAILED)
		return NULL;
	/* Where it cannot be done, a child is not told that it is one. */
	madvise(mark, size, MADV_WIPEONFORK);
	*mark = 1;
	return mark;
}

/* Frees what libevent knows; not while it dispatches for us. */
static void release(struct af_loop *loop)
{
	if (loop->home) {
		event_del(&loop->kick);
		afi_mailbox_close(loop);
	}
	if (loop->spare)
		event_base_free(loop->spare);
	if (loop->home && loop->owns_home)
		event_base_free(loop->home);
	if (loop->process)
		munmap(loop->process, (size_t)sysconf(_SC_PAGESIZE));
	loop->spare = loop->home = loop->base = NULL;
	loop->process = NULL;
}

struct af_loop *af_loop_new(struct event_base *base)
{
	struct af_loop *loop = calloc(1, sizeof(*loop));
	int r = -ENOMEM;

	if (!loop)
		return NULL;
	loop->refs = 1;
	loop->max_depth = AFIO_MAX_DEPTH;
	loop->max_workers = AFIO_MAX_WORKERS;
	loop->thread = pthread_self();
	loop->owns_home = !base;
	loop->home_shared = base;
	TAILQ_INIT(&loop->ready);
	TAILQ_INIT(&loop->settle);
	TAILQ_INIT(&loop->later);
	TAILQ_INIT(&loop->pending);
	TAILQ_INIT(&loop->members);
	LIST_INIT(&loop->watches);
	loop->process = process_mark();
	loop->base = base ? base : afi_base_new(NULL);
	if (!loop->base)
		r = -errno;
	if (loop->process && loop->base) {
		evtimer_assign(&loop->kick, loop->base, on_kick, loop);
		r = afi_mailbox_open(loop);
	}
	if (r == 0) {
		loop->home = loop->base;
		return loop;
	}
	if (loop->base && loop->owns_home)
		event_base_free(loop->base);
	release(loop);
	free(loop);
	errno = -r;
	return NULL;
}

void afi_loop_end(struct af_loop *loop)
{
	free(loop->spawn_error);
	free(loop);
}

struct event_base *af_loop_base(const struct af_loop *loop)
{
	struct af_loop *shared = (struct af_loop *)loop;

	if (!afi_loop_alive(loop))
		return NULL;
	/* From here on the program, too, can run it. */
	shared->home_shared = true;
	kick(shared);
	return loop->home;
}

int af_loop_set_max_depth(struct af_loop *loop, unsigned depth)
{
	if (!loop || depth == 0)
		return -EINVAL;
	loop->max_depth = depth;
	return 0;
}

void af_loop_free(struct af_loop *loop)
{
	struct afi_member *member;

	if (!loop || loop->freed)
		return;
	loop->stopped = true;
	loop->freed = true;
	/* Who is told may wait for others, and is not to release it then. */
	afi_loop_enter(loop);
	do {
		afi_mailbox_empty(loop);
		while (!TAILQ_EMPTY(&loop->pending))
			af_future_cancel(TAILQ_FIRST(&loop->pending));
		afi_loop_round(loop, NULL);
	} while (!TAILQ_EMPTY(&loop->pending) || !TAILQ_EMPTY(&loop->ready) ||
		 loop->mailbox.first);
	while ((member = TAILQ_FIRST(&loop->members)))
		member->orphan(member);
	afi_workers_leave(loop);
	afi_pool_clear(&loop->pool);
	afi_loop_exit(loop);
	afi_loop_unref(loop);
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

void afi_loop_later(struct af_loop *loop, struct afi_task *task,
		    void (*run)(struct afi_task *))
{
	task->run = run;
	TAILQ_INSERT_TAIL(&loop->later, task, entry);
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

/* libevent forgets, at its next turn, what was said between two of them. */
static void look_for_break(struct af_loop *loop)
{
	bool before = loop->broken;

	loop->broken = event_base_got_break(loop->base);
	if (loop->broken && !before)
		loop->stopped = true;
}

void afi_loop_settle_all(struct af_loop *loop)
{
	while (!TAILQ_EMPTY(&loop->settle))
		run_first(&loop->settle);
}

void afi_loop_round(struct af_loop *loop, const bool *done)
{
	if (!TAILQ_EMPTY(&loop->later))
		run_first(&loop->later);
	/* A task may run a round of its own, so the list is looked up anew. */
	for (int n = 0; n < ROUND_MAX && !TAILQ_EMPTY(&loop->ready); n++) {
		run_first(&loop->ready);
		if (done && *done)
			break;
	}
	if (loop->drivers > 0)
		look_for_break(loop);
	if (done && *done)
		return;
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

void afi_loop_move_kick(struct af_loop *loop)
{
	bool pending = evtimer_pending(&loop->kick, NULL);

	event_del(&loop->kick);
	evtimer_assign(&loop->kick, loop->base, on_kick, loop);
	if (pending)
		start_kick(loop);
}

int afi_loop_check(const struct af_loop *loop)
{
	if (loop->process && !*loop->process)
		return -EBADF;
	return pthread_equal(loop->thread, pthread_self()) ? 0 : -EPERM;
}

void afi_loop_enter(struct af_loop *loop)
{
	afi_loop_ref(loop);
	/* The kick would only end the first turn too early. */
	if (loop->drivers++ > 0)
		return;
	event_del(&loop->kick);
	loop->broken = event_base_got_break(loop->base);
}

void afi_loop_exit(struct af_loop *loop)
{
	if (loop->drivers == 1)
		finish_freed(loop);
	if (--loop->drivers == 0) {
		loop->stopped = false;
		if (loop->freed)
			release(loop);
		else
			kick(loop);
	}
	afi_loop_unref(loop);
}

int afi_loop_turn(struct af_loop *loop, bool wait)
{
	int flags = EVLOOP_ONCE;
	int r;

	/* Without ONCE it would go on for as long as something is ready. */
	if (!wait || !TAILQ_EMPTY(&loop->ready))
		flags |= EVLOOP_NONBLOCK;
	else if (!TAILQ_EMPTY(&loop->pending) && !__libc_single_threaded)
		flags |= EVLOOP_NO_EXIT_ON_EMPTY; /* for what is posted */
	loop->turning = true;
	r = event_base_loop(loop->base, flags);
	loop->turning = false;
	if (r < 0)
		return -EIO;
	loop->broken = event_base_got_break(loop->base);
	if (event_base_got_exit(loop->base) || loop->broken)
		loop->stopped = true;
	/* Without an event of others libevent does not look at the mailbox's. */
	if (r == 1)
		afi_mailbox_empty(loop);
	return r == 1 && TAILQ_EMPTY(&loop->ready);
}

int af_loop_run(struct af_loop *loop)
{
	int r;

	if (!loop)
		return -EINVAL;
	if (loop->freed)
		return -ECANCELED;
	r = afi_loop_check(loop);
	if (r < 0)
		return r;
	if (loop->drivers > 0 ||
	    (loop->home_shared && afi_base_is_running(loop->home)))
		return -EBUSY;
	afi_loop_enter(loop);
	/* That of an earlier run would hide one that is said before the turn. */
	if (loop->broken) {
		r = afi_loop_turn(loop, false);
		r = r < 0 ? r : 0;
	}
	while (!loop->stopped && r == 0) {
		afi_loop_round(loop, NULL);
		if (!loop->stopped)
			r = afi_loop_turn(loop, true);
	}
	afi_loop_exit(loop);
	return r < 0 ? r : 0;
}

void af_loop_stop(struct af_loop *loop)
{
	if (loop && loop->drivers > 0)
		loop->stopped = true;
}
