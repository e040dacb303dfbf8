/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forgetting a future, and everything that was to follow it. It reaches the
 * same futures as a cancel: along the chain to its root, and the parts of a
 * group. First it removes all waiters, without calling code of the program;
 * then the futures of these waiters end.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "future/await.h"

struct forget {
	struct afi_tasks ended; /* by the tasks of futures, which are pending */
	unsigned walk;
};

static void forget_end(struct afi_task *task)
{
	struct af_future *f = AFI_CONTAINER(task, struct af_future, task);
	struct af_future *source = f->source;
	enum afi_kind kind = f->ops->kind;

	if (f->done) { /* a group was before; or by what was freed meanwhile */
		if (f->waiters)
			afi_future_schedule(f);
	} else if (kind == AFI_SHIELD) {
		f->ops->cancel(f);
	} else {
		f->source = NULL;
		afi_future_finish(f, -ECANCELED);
		af_future_unref(source);
	}
	if (kind != AFI_SINGLE)
		af_future_unref(f);
}

/*
 * It has lost what it waits for. Takes a reference to a shield or a compound.
 * A second one, or one beside that of a task that is due, is not the last.
 */
static void forget_add(struct forget *forget, struct af_future *f)
{
	if (!f->task.run)
		afi_task_queue(&forget->ended, &f->task, forget_end);
	else if (f->ops->kind != AFI_SINGLE)
		af_future_unref(f);
}

/*
 * Of these, only a compound's waiter holds a reference. That of an operation,
 * which waits for its own parts, stays.
 */
static void forget_waiters(struct forget *forget, struct af_future *f)
{
	struct afi_waiter *waiter = f->waiters, *next;
	struct afi_waiter **last = &f->waiters;
	struct af_future *child;

	for (*last = NULL; waiter; waiter = next) {
		next = waiter->next;
		child = waiter->child;
		if (child && child->ops->is_operation) {
			waiter->next = NULL;
			*last = f->last_waiter = waiter;
			last = &waiter->next;
			continue;
		}
		afi_waiter_put(f, waiter);
		if (!child)
			continue;
		if (child->ops->kind == AFI_SHIELD)
			af_future_ref(child);
		forget_add(forget, child);
	}
}

static void forget_awaits(const struct af_future *f)
{
	struct afi_await *await;

	for (await = f->loop->awaits; await; await = await->outer)
		if (await->future == f)
			await->forgotten = true;
}

/* Along a chain: returns a compound at its root that is new, or NULL. */
static struct afi_compound *forget_along(struct forget *forget,
					 struct af_future *f)
{
	struct afi_compound *compound;

	for (;;) {
		forget_waiters(forget, f);
		if (f->done)
			return NULL;
		forget_awaits(f);
		if (f->ops->kind != AFI_SINGLE || !f->source)
			break;
		f = f->source;
		/* It had one, of the link before: it has been here. */
		if (!f->done && !f->waiters)
			return NULL;
	}
	if (f->ops->kind == AFI_SINGLE || f->ops->is_operation)
		return NULL;
	forget_add(forget, af_future_ref(f));
	if (f->ops->kind == AFI_SHIELD)
		return NULL;
	compound = AFI_CONTAINER(f, struct afi_compound, future);
	if (compound->looked == forget->walk)
		return NULL;
	compound->looked = forget->walk;
	return compound;
}

/* A compound that is pending is not in the middle of its cancel. */
static void forget_walk(struct forget *forget, struct af_future *f)
{
	struct afi_compound *compound = forget_along(forget, f), *below;

	if (compound)
		compound->cancel = (struct afi_walk){ NULL, 0 };
	while (compound) {
		if (compound->cancel.next == compound->n) {
			compound = compound->cancel.above;
			continue;
		}
		below = forget_along(forget,
				     compound->parts[compound->cancel.next++]);
		if (below) {
			below->cancel = (struct afi_walk){ compound, 0 };
			compound = below;
		}
	}
}

static void forget_all(struct af_future *f)
{
	struct forget forget;

	TAILQ_INIT(&forget.ended);
	forget.walk = ++f->loop->walks;
	forget_walk(&forget, f);
	while (!TAILQ_EMPTY(&forget.ended))
		afi_task_run_first(&forget.ended);
	af_future_unref(f);
}

void af_future_forget(struct af_future *f)
{
	struct af_loop *loop = f ? f->loop : NULL;
	bool freed;

	if (!loop || !afi_loop_is_mine(loop))
		return;
	freed = loop->freed;
	afi_loop_ref(loop);
	loop->calls++;
	forget_all(f);
	/* Freeing a value freed the loop; what ended after that is due. */
	if (loop->freed && !freed) {
		afi_loop_enter(loop);
		afi_loop_exit(loop);
	}
	afi_loop_called(loop);
	afi_loop_unref(loop);
}
