/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop: the base, the queues and the only function that drains them, run
 * and stop, and how everything ends that ends with the loop. Knows no future,
 * no file, no process and no worker: only members, tasks and watches.
 */
#include "config.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/container.h"
#include "base/evbase.h"
#include "base/threads.h"
#include "loop/loop.h"

/* How many opens may be stuck in dead file systems before others wait. */
#define OPEN_THREADS 16
/* How many questions may wait for a name server before others wait. */
#define NAMES_THREADS 16

static const struct timeval loop_at_once;

/* Without memory for a timer, in the turn under way. */
static void loop_start_kick(struct af_loop *loop)
{
	if (event_add(&loop->kick.event, &loop_at_once) < 0)
		event_active(&loop->kick.event, EV_TIMEOUT, 0);
}

/*
 * A driver runs the queues by itself; and a base that the program does not know
 * runs only with a driver.
 */
void afi_loop_kick(struct af_loop *loop)
{
	if (loop->drivers > 0 || !loop->home_shared || loop->freed ||
	    !afi_loop_is_here(loop))
		return;
	if (TAILQ_EMPTY(&loop->ready) && TAILQ_EMPTY(&loop->settle) &&
	    TAILQ_EMPTY(&loop->later))
		return;
	if (!evtimer_pending(&loop->kick.event, NULL))
		loop_start_kick(loop);
}

/* No round comes after: runs what is ready since the loop was freed. */
static void loop_finish_freed(struct af_loop *loop)
{
	while (loop->freed && !TAILQ_EMPTY(&loop->ready) &&
	       afi_loop_is_here(loop))
		afi_loop_round(loop, NULL);
}

static void loop_on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct af_loop *loop = arg;

	(void)fd;
	(void)what;
	/* A driver runs the queues itself; this has only ended its turn. */
	if (loop->drivers > 0)
		return;
	if (!afi_loop_is_here(loop))
		return;
	afi_loop_ref(loop);
	afi_loop_round(loop, NULL);
	loop_finish_freed(loop);
	afi_loop_kick(loop);
	afi_loop_unref(loop);
}

static int loop_move_kick(struct afi_watch *watch)
{
	struct af_loop *loop = AFI_CONTAINER(watch, struct af_loop, kick.watch);
	bool pending = evtimer_pending(&loop->kick.event, NULL);

	event_del(&loop->kick.event);
	evtimer_assign(&loop->kick.event, loop->base, loop_on_kick, loop);
	if (pending)
		loop_start_kick(loop);
	return 0;
}

/* Makes ready what other threads have posted. */
static void loop_empty_mailbox(struct af_loop *loop)
{
	struct afi_post *post, *next;

	for (post = afi_mailbox_take(&loop->mailbox); post; post = next) {
		next = post->next;
		afi_loop_ready(loop, &post->task, post->run);
	}
}

static void loop_on_post(struct afi_mailbox *box)
{
	struct af_loop *loop = AFI_CONTAINER(box, struct af_loop, mailbox);

	/* A child by fork(2) that took the base over, and not the loop. */
	if (afi_loop_check(loop) == -EBADF) {
		afi_mailbox_ignore(box);
		return;
	}
	loop_empty_mailbox(loop);
	/* An internal event alone does not end libevent's turn. */
	if (!TAILQ_EMPTY(&loop->ready))
		loop_start_kick(loop);
}

static int loop_move_mailbox(struct afi_watch *watch)
{
	struct af_loop *loop =
		AFI_CONTAINER(watch, struct af_loop, mailbox.watch);

	return afi_mailbox_move(&loop->mailbox, loop->base);
}

/* Frees what libevent knows; not while it dispatches for us. */
static void loop_release(struct af_loop *loop)
{
	struct event_base *home = loop->owns_home ? loop->home : NULL;
	struct event_base *spare = loop->spare;

	if (loop->home) {
		event_del(&loop->kick.event);
		afi_watch_stop(&loop->kick.watch);
		afi_watch_stop(&loop->mailbox.watch);
		afi_mailbox_close(&loop->mailbox);
	}
	/* Once only: cleanup functions that run here may close files. */
	loop->spare = loop->home = loop->base = NULL;
	if (spare)
		event_base_free(spare);
	if (home)
		event_base_free(home);
	afi_turn_close(&loop->turn);
}

void afi_loop_release_freed(struct af_loop *loop)
{
	if (loop->drivers == 0 && loop->calls == 0 && loop->base)
		loop_release(loop);
}

static void loop_init(struct af_loop *loop, struct event_base *base)
{
	loop->refs = 1;
	loop->max_depth = AFIO_DEFAULT_DEPTH;
	loop->max_workers[AFI_CREW_DISK] = AFIO_DEFAULT_WORKERS;
	loop->max_workers[AFI_CREW_WORK] = AFIO_DEFAULT_WORK_THREADS;
	loop->max_workers[AFI_CREW_OPEN] = OPEN_THREADS;
	loop->max_workers[AFI_CREW_NAMES] = NAMES_THREADS;
	loop->thread = pthread_self();
	loop->owns_home = !base;
	loop->home_shared = base;
	TAILQ_INIT(&loop->ready);
	TAILQ_INIT(&loop->settle);
	TAILQ_INIT(&loop->later);
	TAILQ_INIT(&loop->first);
	TAILQ_INIT(&loop->pending);
	TAILQ_INIT(&loop->members);
	TAILQ_INIT(&loop->last);
	LIST_INIT(&loop->watches);
	LIST_INIT(&loop->lookout.list);
	LIST_INIT(&loop->children);
}

/* What is on the base from the beginning; 0 or -errno. */
static int loop_start_watches(struct af_loop *loop)
{
	int r = afi_mailbox_open(&loop->mailbox, loop->base, loop_on_post);

	if (r < 0)
		return r;
	evtimer_assign(&loop->kick.event, loop->base, loop_on_kick, loop);
	afi_loop_watch(loop, &loop->mailbox.watch, loop_move_mailbox);
	afi_loop_watch(loop, &loop->kick.watch, loop_move_kick);
	return 0;
}

struct af_loop *af_loop_new(struct event_base *base)
{
	static atomic_ulong loop_serials;
	struct af_loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return NULL;
	loop_init(loop, base);
	loop->serial = atomic_fetch_add(&loop_serials, 1) + 1;
	r = afi_turn_open(&loop->turn);
	loop->base = base ? base : afi_base_new(NULL);
	if (!loop->base)
		r = -errno;
	else if (r == 0)
		r = loop_start_watches(loop);
	if (r == 0) {
		loop->home = loop->base;
		return loop;
	}
	if (loop->base && loop->owns_home)
		event_base_free(loop->base);
	loop_release(loop);
	free(loop);
	errno = -r;
	return NULL;
}

struct event_base *af_loop_base(struct af_loop *loop)
{
	if (!afi_loop_alive(loop))
		return NULL;
	/* From here on the program, too, can run it. */
	loop->home_shared = true;
	afi_loop_kick(loop);
	return loop->home;
}

/* Each one takes itself out of the list. */
static void loop_orphan_all(struct afi_members *list)
{
	struct afi_member *member;

	while ((member = TAILQ_FIRST(list)))
		member->orphan(member);
}

void afi_loop_split(struct af_loop *loop)
{
	if (loop->split || !loop->home || afi_loop_is_here(loop))
		return;
	loop->split = true;
	afi_base_split(loop->home);
	if (loop->base != loop->home)
		afi_base_split(loop->base);
	afi_base_split(loop->spare);
}

void af_loop_free(struct af_loop *loop)
{
	if (!loop || loop->freed)
		return;
	afi_loop_split(loop);
	loop->stopped = true;
	loop->freed = true;
	/* First: threads that go on posting must not hold this up. */
	loop_orphan_all(&loop->first);
	/* A cancelled waiter may itself await: the loop must stay meanwhile. */
	afi_loop_enter(loop);
	do {
		loop_empty_mailbox(loop);
		loop_orphan_all(&loop->pending);
		afi_loop_round(loop, NULL);
		/* A child by fork(2) that goes on: all is its parent's. */
		if (!afi_loop_is_here(loop))
			return;
	} while (!TAILQ_EMPTY(&loop->pending) || !TAILQ_EMPTY(&loop->ready) ||
		 !afi_mailbox_is_empty(&loop->mailbox));
	loop_orphan_all(&loop->members);
	loop_orphan_all(&loop->last);
	/* No worker posts any more; what they have posted is run by exit. */
	loop_empty_mailbox(loop);
	afi_pool_clear(&loop->pool);
	afi_loop_exit(loop);
	afi_loop_unref(loop);
}

void afi_loop_settle(struct af_loop *loop, struct afi_task *task,
		     void (*run)(struct afi_task *))
{
	if (task->run)
		return;
	afi_task_queue(&loop->settle, task, run);
	afi_loop_kick(loop);
}

void afi_loop_later(struct af_loop *loop, struct afi_task *task,
		    void (*run)(struct afi_task *))
{
	afi_task_queue(&loop->later, task, run);
	afi_loop_kick(loop);
}

/* At its next turn libevent forgets a break that was made before it. */
static void loop_look_for_break(struct af_loop *loop)
{
	bool before = loop->broken;

	loop->broken = event_base_got_break(loop->base);
	if (loop->broken && !before)
		loop->stopped = true;
}

void afi_loop_round(struct af_loop *loop, const bool *done)
{
	/* A continuation that runs or frees the loop does not hold it meanwhile. */
	loop->held = false;
	if (!TAILQ_EMPTY(&loop->later))
		afi_task_run_first(&loop->later);
	afi_loop_run_ready(loop, done);
	if (!afi_loop_is_here(loop))
		return;
	if (loop->drivers > 0)
		loop_look_for_break(loop);
	if (done && *done)
		return;
	while (TAILQ_EMPTY(&loop->ready) && !TAILQ_EMPTY(&loop->settle))
		afi_task_run_first(&loop->settle);
}

void afi_loop_settle_all(struct af_loop *loop)
{
	while (!TAILQ_EMPTY(&loop->settle))
		afi_task_run_first(&loop->settle);
}

int afi_loop_check(const struct af_loop *loop)
{
	/* First: what the loop's thread writes no other thread may read. */
	if (!afi_loop_is_mine(loop))
		return -EPERM;
	return afi_loop_is_here(loop) ? 0 : -EBADF;
}

void afi_loop_enter(struct af_loop *loop)
{
	afi_loop_ref(loop);
	/* The kick would only end the first turn too early. */
	if (loop->drivers++ > 0)
		return;
	event_del(&loop->kick.event);
	loop->broken = event_base_got_break(loop->base);
}

void afi_loop_exit(struct af_loop *loop)
{
	if (loop->drivers == 1)
		loop_finish_freed(loop);
	if (--loop->drivers == 0) {
		loop->stopped = false;
		if (loop->freed)
			afi_loop_release_freed(loop);
		else
			afi_loop_kick(loop);
	}
	afi_loop_unref(loop);
}

int afi_loop_turn(struct af_loop *loop, bool wait)
{
	int flags = EVLOOP_ONCE;
	int r;

	if (!afi_loop_is_here(loop))
		return -EBADF;
	/* Without ONCE it would go on for as long as something is ready. */
	if (!wait || !TAILQ_EMPTY(&loop->ready) || !TAILQ_EMPTY(&loop->later))
		flags |= EVLOOP_NONBLOCK;
	else if (!TAILQ_EMPTY(&loop->pending) && afi_threads_possible())
		flags |= EVLOOP_NO_EXIT_ON_EMPTY; /* for what is posted */
	loop->turning = true;
	r = event_base_loop(loop->base, flags);
	loop->turning = false;
	if (r < 0)
		return -EIO;
	loop->broken = event_base_got_break(loop->base);
	if (event_base_got_exit(loop->base) || loop->broken)
		loop->stopped = true;
	/* libevent does not poll for an internal event alone. */
	if (r == 1)
		loop_empty_mailbox(loop);
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
	/* The break of an earlier run would hide one made before this turn. */
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
