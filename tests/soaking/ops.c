/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations under way: a list from which one can be cancelled at random, and
 * the check of each outcome.
 */
#include <stdlib.h>
#include <string.h>

#include "soaking/soak.h"

struct op {
	struct task *task;
	struct af_future *f;
	const char *what;
	op_fn fn;
	void *arg;
	size_t index; /* in the list */
	int64_t began;
	int64_t deadline; /* -1: none */
	unsigned may;
	bool is_cancelled;
	uint64_t waits_begun; /* when it began */
	bool was_inside;      /* began inside a wait */
	bool was_scarce;      /* descriptors were scarce at some time of it */
};

static struct op **ops;
static size_t n_ops, room;

/* That of the next operation. */
static int64_t next_deadline = -1;

struct tally tally;

void task_begin(struct task *task, const char *name,
		void (*end)(struct task *task))
{
	task->name = name;
	task->end = end;
	task->pending = 1;
	task->is_closing = false;
	soak.tasks++;
}

void task_drop(struct task *task)
{
	if (--task->pending > 0)
		return;
	soak.tasks--;
	task->end(task);
}

const struct timeval *deadline(void)
{
	static struct timeval tv;
	unsigned us = chance(3) ? pick(30000) : 0;

	if (!chance(4))
		return NULL;
	tv.tv_sec = 0;
	tv.tv_usec = us;
	next_deadline = soak_now_us() + us;
	return &tv;
}

/* Whether the outcome is allowed; counts it. */
static bool op_allows(const struct op *op, int error)
{
	tally.ops++;
	switch (error) {
	case 0:
		tally.ok++;
		return true;
	case -ECANCELED:
		tally.canceled++;
		return op->is_cancelled || op->task->is_closing;
	case -ETIMEDOUT:
		tally.timedout++;
		if (op->may & MAY_TIME_OUT)
			return true;
		return op->deadline >= 0 && soak_now_us() >= op->deadline;
	case -EMFILE:
		tally.lacked++;
		return (op->may & MAY_LACK) &&
		       (op->was_scarce || soak.is_scarce);
	case -EPIPE:
	case -ECONNRESET:
		tally.broken++;
		return op->may & MAY_BREAK;
	case -ENOTSUP:
		tally.refused++;
		return (op->may & MAY_REFUSE) &&
		       (op->was_inside || tally.waits_begun != op->waits_begun);
	default:
		return false;
	}
}

static void op_done(struct af_future *done, void *arg)
{
	struct op *op = arg;
	struct task *task = op->task;
	int error = af_future_error(done);

	ops[op->index] = ops[--n_ops];
	ops[op->index]->index = op->index;
	if (!op_allows(op, error))
		soak_fail("%s: %s ended with: %s, after %lld us, deadline %lld",
			  task->name, op->what, strerror(-error),
			  (long long)(soak_now_us() - op->began),
			  (long long)(op->deadline < 0
					      ? -1
					      : op->deadline - op->began));
	if (op->fn)
		op->fn(done, op->arg);
	af_future_unref(op->f);
	free(op);
	task_drop(task);
}

void op_watch(struct task *task, const char *what, struct af_future *f,
	      unsigned may, op_fn fn, void *arg)
{
	struct op *op = soak_alloc(sizeof *op);

	*op = (struct op){
		.task = task,
		.f = af_future_ref(f),
		.what = what,
		.fn = fn,
		.arg = arg,
		.index = n_ops,
		.began = soak_now_us(),
		.deadline = next_deadline,
		.may = may,
		.waits_begun = tally.waits_begun,
		.was_inside = soak.depth > 0,
		.was_scarce = soak.is_scarce,
	};
	next_deadline = -1;
	if (n_ops == room) {
		room = room ? room * 2 : 256;
		ops = realloc(ops, room * sizeof(struct op *));
		if (!ops)
			soak_fail("no memory");
	}
	ops[n_ops++] = op;
	task->pending++;
	af_on_done(f, op_done, op);
}

void op_cancel_any(void)
{
	struct op *op;

	if (n_ops == 0)
		return;
	op = ops[pick((unsigned)n_ops)];
	if (op->may & MAY_STAY)
		return;
	op->is_cancelled = true;
	af_future_cancel(op->f);
}

/* Marks what is under way when descriptors get scarce. */
void op_now_scarce(void)
{
	for (size_t i = 0; i < n_ops; i++)
		ops[i]->was_scarce = true;
}

void op_forget_all(void)
{
	free(ops);
	ops = NULL;
	room = 0;
}

size_t op_pending(void)
{
	return n_ops;
}

int64_t op_oldest_s(void)
{
	int64_t now = soak_now_us(), oldest = 0;

	for (size_t i = 0; i < n_ops; i++)
		if (now - ops[i]->began > oldest)
			oldest = now - ops[i]->began;
	return oldest / 1000000;
}

void op_lacked(const char *what, int error)
{
	tally.ops++;
	tally.lacked++;
	if (!soak.is_scarce || error != EMFILE)
		soak_fail("%s: %s", what, strerror(error));
}
