/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runner: an af_map() that makes a task of each item. An item is read only
 * when another job may run: this bounds the memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asyncfile.h>

#include "batch.h"
#include "hosts.h"
#include "items.h"
#include "joblog.h"
#include "message.h"
#include "plan.h"
#include "run.h"
#include "runner.h"
#include "signals.h"
#include "task.h"
#include "words.h"

/* Items */

/* Reads an item: 1; 0: there is none, or after a complaint. */
static int read_item(struct run *run, struct item *item)
{
	int r;

	run->reading = items_next(run->in);
	r = af_await(run->reading);
	if (r == 0 || !run->ended) {
		r = items_take(run->in, run->reading, item);
		if (r < 0)
			run_break(run);
		else if (r == 0)
			run_end_input(run);
	}
	af_future_unref(run->reading);
	run->reading = NULL;
	return r > 0 && !run->ended;
}

/* Whether an earlier run has done it. */
static bool is_done(const struct run *run, size_t number)
{
	const struct plan *plan = run->plan;

	return (plan->resume || plan->resume_failed) &&
	       joblog_has(run->log, number, plan->resume_failed);
}

static void await_room(struct run *run)
{
	struct af_future *room = run_room(run);

	af_await(room);
	af_future_unref(room);
}

static struct af_future *next_task(void *arg)
{
	struct run *run = arg;
	struct item item = { 0 };
	struct task *task;

	while (run->n_starved > 0)
		await_room(run);
	for (;;) {
		if (run->ended || !read_item(run, &item)) {
			item_clear(&item);
			return NULL;
		}
		if (!is_done(run, ++run->number))
			break;
		run->skipped += item.bytes;
		item_clear(&item);
		memset(&item, 0, sizeof(item));
	}
	task = task_new(run, &item, run->number);
	if (task)
		return task_run(task);
	message_error("a job", ENOMEM);
	item_clear(&item);
	run_break(run);
	return NULL;
}

/* The run */

static int open_files(struct run *run)
{
	const struct plan *plan = run->plan;

	run->in = items_open(run->loop, plan);
	if (!run->in)
		return -1;
	run->out = af_file_new(run->loop, STDOUT_FILENO, AFIO_KEEP_FD);
	if (!run->out) {
		message_error("stdout", errno);
		return -1;
	}
	run->err = af_file_new(run->loop, STDERR_FILENO, AFIO_KEEP_FD);
	if (plan->batch && !plan->dry_run) {
		run->batch = batch_new(run->loop, plan);
		if (!run->batch) {
			message_error("start", ENOMEM);
			return -1;
		}
	}
	if (!plan->joblog)
		return 0;
	run->log = joblog_open(run->loop, plan->joblog,
			       plan->resume || plan->resume_failed);
	return run->log ? 0 : -1;
}

static void close_files(struct run *run)
{
	items_close(run->in);
	batch_free(run->batch);
	joblog_close(run->log);
	af_file_close(run->out);
	af_file_close(run->err);
}

static void run_all(struct run *run)
{
	struct af_future *tasks;
	int r;

	run->turn = af_succeeded(run->loop, NULL, NULL);
	tasks = af_map(run->loop, next_task, run,
		       run->batch ? BATCH_MAX
				  : hosts_count(run->hosts) * run->plan->jobs,
		       AFIO_SETTLE);
	r = af_await(tasks);
	if (r < 0) {
		message_error("start", r);
		run_break(run);
	}
	af_await(run->turn);
	af_future_unref(tasks);
	af_future_unref(run->turn);
}

/* Colours are for terminals that are not told otherwise. */
static bool may_colour(enum when when, int fd)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when != WHEN_AUTO)
		return when == WHEN_ALWAYS;
	return isatty(fd) && !(none && *none) && term &&
	       strcmp(term, "dumb") != 0;
}

static void set_looks(struct run *run)
{
	const struct plan *plan = run->plan;
	bool colour = may_colour(plan->colour, STDERR_FILENO);
	bool progress = plan->progress == WHEN_AUTO
				? isatty(STDERR_FILENO)
				: plan->progress == WHEN_ALWAYS;

	run->out_filter.visible = !plan->raw && isatty(STDOUT_FILENO);
	run->out_filter.colour = may_colour(plan->colour, STDOUT_FILENO);
	run->err_filter.visible = !plan->raw && isatty(STDERR_FILENO);
	run->err_filter.colour = colour;
	message_set_colour(colour);
	tally_init(&run->tally, progress, colour);
}

int runner_run(const struct plan *plan, int *ret_signal)
{
	struct run run = { .plan = plan, .halted = -1 };
	struct signals *signals = NULL;

	set_looks(&run);
	run.has_hole = words_have_hole(plan->command);
	run.hosts = hosts_new(plan);
	run.loop = af_loop_new(NULL);
	if (run.hosts && run.loop)
		signals = signals_new(&run);
	if (!signals) {
		message_error("start", run.hosts && !run.loop ? errno : ENOMEM);
		run.broken = true;
	} else if (open_files(&run) < 0) {
		run.broken = true;
	} else {
		run_all(&run);
	}
	signals_free(signals);
	close_files(&run);
	slots_clear(&run.slots);
	af_loop_free(run.loop);
	hosts_free(run.hosts);
	*ret_signal = run.signal;
	return run_status(&run);
}
