/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model of futures: compares each end with what the headers promise for it.
 * It knows no program and no choice.
 */
#include <errno.h>
#include <stdlib.h>

#include "model/stream.h"
#include "support/harness.h"

bool model_freed;

void model_cancel(struct node *node)
{
	if (!node || node->canceled || node->ended)
		return;
	node->canceled = true;
	for (unsigned i = 0; node->kind != SHIELD && i < node->n_parts; i++)
		model_cancel(node->parts[i]);
}

static unsigned visit;

/* A future that waits for itself is an error, but one that is made. */
static bool depends(struct node *node, const struct node *on, bool now)
{
	if (node == on)
		return true;
	if (node->visited == visit)
		return false;
	node->visited = visit;
	/* What is done waits for nothing any more. */
	if (now &&
	    (node->ended || (model_handle(node) && !model_is_pending(node))))
		return false;
	for (unsigned i = 0; i < node->n_parts; i++)
		if (depends(node->parts[i], on, now))
			return true;
	return false;
}

bool model_depends(struct node *node, const struct node *on)
{
	visit++;
	return depends(node, on, false);
}

bool model_waits_for(struct node *node, const struct node *on)
{
	visit++;
	return depends(node, on, true);
}

unsigned model_visit(void)
{
	return ++visit;
}

struct af_future *model_handle(const struct node *node)
{
	return node->keep ? node->keep : node->f;
}

bool model_is_pending(const struct node *node)
{
	struct af_future *f = model_handle(node);

	return !node->ended && f && !af_future_is_done(f);
}

bool model_is_canceled(const struct node *node)
{
	struct af_future *f = model_handle(node);

	return node->ended ? node->error == -ECANCELED
			   : f && af_future_error(f) == -ECANCELED;
}

static bool is_done(const struct node *node)
{
	return !model_is_pending(node);
}

/*
 * Which ones a cancel leaves alone, with their parts, because they were done
 * before; or may have been, if the cancel was some time ago.
 */
static void mark_alone(struct node *node, bool now)
{
	bool canceled = now;

	if (node->visited == visit)
		return;
	node->visited = visit;
	for (unsigned i = 0; i < node->n_parts; i++) {
		mark_alone(node->parts[i], now);
		canceled |= model_is_canceled(node->parts[i]);
	}
	node->alone = is_done(node) && canceled;
}

/* Whether a shield has what it waits for, with only shields between. */
static bool is_due(const struct node *node)
{
	while (!is_done(node) && node->kind == SHIELD)
		node = node->parts[0];
	return is_done(node);
}

static void expect_canceled(struct node *node)
{
	struct node *part;

	if (node->ended || node->running || node->visited == visit)
		return;
	node->visited = visit;
	if (node->alone)
		return;
	if (node->kind == LINK) {
		/* A continuation that is due, or running, goes on. */
		part = node->parts[node->n_parts - 1];
		if (node->n_parts == 1 ? !is_done(part)
				       : node->on == ON_SUCCESS)
			expect_canceled(part);
		return;
	}
	if (node->kind == SHIELD) {
		/* Not because of a chain that is due: that is pending. */
		must(is_due(node->parts[0]) || is_done(node), node);
		return;
	}
	if (node->kind != TIMED)
		must(is_done(node), node);
	/* It had an outcome of its own. */
	if (is_done(node) && !model_is_canceled(node))
		return;
	for (unsigned i = 0; i < node->n_parts; i++)
		if (node->parts[i] != node->refused)
			expect_canceled(node->parts[i]);
}

void model_will_cancel(struct node *node)
{
	visit++;
	mark_alone(node, true);
}

void model_expect_canceled(struct node *node)
{
	visit++;
	if (!model_freed)
		expect_canceled(node);
}

/* The same, of a cancel that was some time ago. */
static void expect_lost(struct node *node)
{
	visit++;
	mark_alone(node, false);
	model_expect_canceled(node);
}

static bool same_end(const struct node *node, const struct node *part)
{
	return part->ended && node->error == part->error &&
	       (node->kind == ALL || node->kind == MAP ||
		node->count == part->count);
}

/* Whether a part was forgotten, when its end was already that of the whole. */
static bool has_unknown(const struct node *node)
{
	for (unsigned i = 0; i < node->n_parts; i++)
		if (node->parts[i]->forgets > 0 && !node->parts[i]->ended)
			return true;
	return false;
}

static void end_link(struct node *node)
{
	struct node *source = node->parts[0];
	struct node *last = node->parts[node->n_parts - 1];
	bool wanted = node->on & (source->error ? ON_FAILURE : ON_SUCCESS);

	/* Made while the loop was being freed. */
	if ((model_freed || node->orphan) && node->error == -ECANCELED)
		return;
	if (has_unknown(node))
		return;
	must(source->ended && node->calls <= 1, node);
	must(node->on != ON_BOTH || node->calls == 1, node);
	must(node->canceled || model_freed || node->calls == wanted, node);
	if (node->error == -EDEADLK && model_depends(last, node))
		return;
	must(same_end(node, last) || ((node->canceled || model_freed) &&
				      node->error == -ECANCELED),
	     node);
}

static void end_group(struct node *node)
{
	unsigned same = 0, good = 0, ended = 0, i;

	if (has_unknown(node))
		return;
	for (i = 0; i < node->n_parts; i++) {
		same += same_end(node, node->parts[i]);
		ended += node->parts[i]->ended;
		good += node->parts[i]->ended && node->parts[i]->error == 0;
	}
	/* After a cancel, a part may yet succeed. */
	if (node->kind == MAP)
		must(node->error == -ECANCELED ? node->count <= good
					       : node->count == good,
		     node);
	if (node->error == -ECANCELED &&
	    (node->canceled || node->orphan || model_freed))
		return;
	if (node->kind == TIMED && node->error == -ETIMEDOUT) {
		expect_lost(node->parts[0]);
		return;
	}
	if (node->kind == MAP && node->error == -EDEADLK && node->refused)
		return;
	if (node->kind == SETTLED || node->kind == MAP)
		must(ended == node->n_parts, node);
	if (node->kind == SETTLED || (node->kind == MAP && node->settle))
		must(node->error == 0, node);
	else
		must(same > 0 || (node->kind == MAP && node->error == 0), node);
	if (node->kind == ALL || (node->kind == MAP && !node->settle))
		must(node->error || good == node->n_parts, node);
	if (node->kind == ANY)
		must(node->error == 0 || ended == node->n_parts, node);
	if (node->kind == RACE || (node->kind == ANY && node->error == 0))
		for (i = 0; i < node->n_parts; i++)
			expect_lost(node->parts[i]);
}

/* Which errors an operation may have: here nothing goes wrong by itself. */
static void check_error(const struct node *node)
{
	switch (node->error) {
	case 0:
		break;
	case -ETIMEDOUT:
		must(node->timed, node);
		break;
	case -ECANCELED:
		must(node->canceled || model_freed || node->kind == BOTH, node);
		break;
	default:
		must((node->kind == MAKER && node->given) ||
			     (node->kind <= FINISH &&
			      model_stream_error(node)) ||
			     (node->kind >= HANGUP && node->kind <= BOTH),
		     node);
	}
}

static void end_maker(const struct node *node, struct af_future *done)
{
	if (node->given)
		must(node->error == node->gift, node);
	if (node->error == 0)
		must(af_future_value(done) == node, node);
	if (!node->given && node->error == -ECANCELED)
		must(model_freed || node->cancels == 1, node);
}

static void end(struct node *node, struct af_future *done)
{
	must(af_future_is_done(done), node);
	node->error = af_future_error(done);
	if (node->kind != WRITE && node->kind != COPY)
		node->count = af_future_count(done);
	if (node->kind <= MAKER)
		check_error(node);
	if (node->kind <= EACH || node->kind == COPY)
		model_settle(node, done);
	else if (node->kind == WRITE)
		model_end_write(node, done);
	else if (node->kind == FINISH && node->error == 0)
		stream_finished(node->to ? node->to : node->stream, node->to);
	else if (node->kind >= READ_AT && node->kind <= SYNC)
		disk_end(node, done);
	else if (node->kind == WORK)
		work_end(node, done);
	else if (node->kind == WAIT)
		wait_end(node);
	else if (node->kind == HANGUP)
		hangup_end(node);
	else if (node->kind == IDLE)
		idle_end(node);
	else if (node->kind == BOTH)
		model_end_both(node, done);
	else if (node->kind == SLEEP && node->error == 0)
		must(now_us() >= node->earliest, node);
	else if (node->kind == MAKER)
		end_maker(node, done);
	else if (node->kind == LINK)
		end_link(node);
	else if (node->kind > LINK)
		end_group(node);
	if (node->kind <= COPY && node->count > 0)
		idle_moved(node);
	node->ended = true;
	af_future_unref(node->keep);
	node->keep = NULL;
}

static void on_done(struct af_future *done, void *arg)
{
	struct watch *watch = arg, *before;
	struct node *node = watch->node;

	must(!watch->ran && !watch->dropped, node);
	for (before = node->watches; before != watch; before = before->next)
		must(before->ran || before->unsure, node);
	watch->ran = true;
	if (!node->ended)
		end(node, done);
	must(af_future_error(done) == node->error, node);
	must(af_future_count(done) == node->count, node);
}

void model_watch(struct node *node)
{
	struct watch **last = &node->watches;

	while (*last)
		last = &(*last)->next;
	*last = calloc(1, sizeof **last);
	must(*last, node);
	(*last)->node = node;
	af_on_done(af_future_ref(model_handle(node)), on_done, *last);
}
