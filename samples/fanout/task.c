/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A task. Its job is tried, once or more often:
 *
 *   begin() -> collected() [-> begin() ...] -> run_hold()
 *
 * Then the output has its turn, in the order in which the tasks joined: with
 * keep_order when they began, else when they were over. Each step waits for the
 * one before:
 *
 *   [await_over() ->] print() -> print_log() -> finish()
 */
#include <errno.h>
#include <stdlib.h>

#include <asyncfile.h>

#include "batch.h"
#include "halt.h"
#include "hosts.h"
#include "outcome.h"
#include "plan.h"
#include "printing.h"
#include "run.h"
#include "start.h"
#include "task.h"
#include "words.h"

struct task *task_new(struct run *run, const struct item *item, size_t number)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->run = run;
	task->item = *item;
	task->number = number;
	return task;
}

static void free_task(struct task *task)
{
	job_free(task->job);
	words_free(task->words);
	item_clear(&task->item);
	af_future_unref(task->over);
	free(task);
}

/* The output */

static struct af_future *await_over(struct af_future *before, void *arg)
{
	const struct task *task = arg;

	(void)before;
	return af_future_ref(task->over);
}

static struct af_future *finish(struct af_future *logged, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;

	(void)logged;
	run->printing = false;
	outcome_complain(task);
	run_remove_waiting(run, task->job);
	free_task(task);
	return NULL;
}

static struct af_future *print_log(struct af_future *printed, void *arg)
{
	(void)printed;
	return printing_log(arg);
}

static struct af_future *print(struct af_future *before, void *arg)
{
	(void)before;
	return printing_output(arg);
}

static void join_turn(struct task *task)
{
	struct run *run = task->run;
	struct af_future *turn = run->turn;

	if (task->over)
		turn = af_finally(turn, await_over, task);
	turn = af_finally(turn, print, task);
	if (run->log)
		turn = af_finally(turn, print_log, task);
	run->turn = af_finally(turn, finish, task);
}

/* Tries */

static struct af_future *begin(struct task *task);

static void link_task(struct task *task)
{
	struct run *run = task->run;

	task->next = run->tasks;
	task->link = &run->tasks;
	if (task->next)
		task->next->link = &task->next;
	run->tasks = task;
	run->tally.running++;
	task->host->running++;
}

static void unlink_task(struct task *task)
{
	if (task->next)
		task->next->link = task->link;
	*task->link = task->next;
	task->link = NULL;
	task->run->tally.running--;
	task->host->running--;
}

static void count(struct task *task)
{
	struct run *run = task->run;
	const struct halt_rule *halt = &run->plan->halt;

	run->tally.bytes += task->item.bytes;
	if (outcome_was_stopped(task))
		return;
	run->tally.done++;
	run->tally.failed += outcome_failed(task);
	if (outcome_is_fatal(task))
		run_break(run);
	if (run->halting || !halt_is_due(halt, &run->tally))
		return;
	run->halting = true;
	run->halted = halt_status(halt, outcome_exit(task));
	if (halt->now)
		run_stop(run);
	else
		run_end_input(run);
}

static struct af_future *over(struct task *task)
{
	struct run *run = task->run;

	count(task);
	run_add_waiting(run, task->job);
	if (task->over)
		af_future_resolve(task->over, NULL, NULL);
	else
		join_turn(task);
	return run_hold(run);
}

static struct af_future *collected(struct af_future *done, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;

	(void)done;
	if (task->link) {
		unlink_task(task);
		task->end = job_finish(task->job);
		task->runtime = outcome_seconds_since(&task->start);
	}
	slots_release(&run->slots, task->slot);
	run_make_room(run);
	if (!outcome_failed(task) || outcome_is_fatal(task) ||
	    task->tries >= run->plan->tries || run->stopping)
		return over(task);
	job_free(task->job);
	task->job = NULL;
	return begin(task);
}

static struct af_future *batched(struct af_future *done, void *arg)
{
	struct task *task = arg;
	struct run *run = task->run;

	run->tally.running--;
	if (af_future_error(done) < 0) {
		if (!run->stopping)
			run_break(run);
		task->start_error = -ECANCELED;
	}
	return collected(done, task);
}

static struct af_future *begin_again(struct af_future *room, void *arg)
{
	struct task *task = arg;

	(void)room;
	task->run->n_starved--;
	task->tries--;
	return begin(task);
}

static struct af_future *begin(struct task *task)
{
	struct run *run = task->run;
	const struct plan *plan = run->plan;
	struct af_future *f;

	task->tries++;
	task->slot = 0;
	task->start_error = run->stopping ? -ECANCELED : start_job(task);
	if (task->job) {
		link_task(task);
		f = job_collect(task->job,
				timerisset(&plan->timeout) ? &plan->timeout
							   : NULL,
				&plan->grace);
		return af_finally(f, collected, task);
	}
	if (task->start_error == 0 && run->batch) {
		run->tally.running++;
		return af_finally(batch_run(run->batch, task), batched, task);
	}
	/* The end of another job may help. */
	if (run->tally.running > 0 && outcome_is_shortage(task->start_error)) {
		slots_release(&run->slots, task->slot);
		run->n_starved++;
		return af_finally(run_room(run), begin_again, task);
	}
	return af_finally(af_succeeded(run->loop, NULL, NULL), collected, task);
}

struct af_future *task_run(struct task *task)
{
	struct run *run = task->run;

	if (run->plan->keep_order) {
		task->over = af_future_new(run->loop, NULL, NULL);
		join_turn(task);
	}
	return begin(task);
}
