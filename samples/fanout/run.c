/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The run: how it ends, and what bounds it. Output that waits to be printed
 * after that of a slow job is bounded, and so are the files that hold it.
 */
#include <asyncfile.h>

#include "batch.h"
#include "items.h"
#include "job.h"
#include "run.h"
#include "task.h"

#define MAX_WAITING ((size_t)10000)
#define MAX_WAITING_BYTES ((size_t)64 * 1024 * 1024)
#define MAX_WAITING_FILES ((size_t)64)

/* Ends */

void run_end_input(struct run *run)
{
	run->ended = true;
	af_future_cancel(run->reading);
}

void run_break(struct run *run)
{
	run->broken = true;
	run_end_input(run);
}

void run_stop(struct run *run)
{
	struct task *task;

	run_end_input(run);
	run->stopping = true;
	for (task = run->tasks; task; task = task->next)
		job_stop(task->job);
	if (run->batch)
		batch_stop(run->batch);
}

void run_abandon(struct run *run)
{
	run->silent = true;
	if (run->printing)
		af_future_cancel(run->turn);
	run_stop(run);
}

void run_kill(struct run *run)
{
	struct task *task;

	for (task = run->tasks; task; task = task->next)
		job_kill(task->job);
	if (run->batch)
		batch_stop(run->batch);
}

int run_status(const struct run *run)
{
	if (run->broken)
		return 255;
	if (run->halted >= 0)
		return run->halted;
	return run->tally.failed <= 100 ? (int)run->tally.failed : 101;
}

/* Bounds */

struct af_future *run_room(struct run *run)
{
	if (!run->room)
		run->room = af_future_new(run->loop, NULL, NULL);
	return af_future_ref(run->room);
}

static void release(struct af_future **held)
{
	struct af_future *f = *held;

	*held = NULL;
	af_future_resolve(f, NULL, NULL);
	af_future_unref(f);
}

void run_make_room(struct run *run)
{
	if (run->room)
		release(&run->room);
}

static bool is_too_much(const struct run *run)
{
	return run->waiting > MAX_WAITING ||
	       run->waiting_bytes > MAX_WAITING_BYTES ||
	       run->waiting_files > MAX_WAITING_FILES;
}

void run_add_waiting(struct run *run, const struct job *job)
{
	run->waiting++;
	if (job) {
		run->waiting_bytes += job_in_memory(job);
		run->waiting_files += job_n_files(job);
	}
}

void run_remove_waiting(struct run *run, const struct job *job)
{
	run->waiting--;
	if (job) {
		run->waiting_bytes -= job_in_memory(job);
		run->waiting_files -= job_n_files(job);
	}
	if (run->relief && !is_too_much(run))
		release(&run->relief);
}

struct af_future *run_hold(struct run *run)
{
	if (!is_too_much(run))
		return af_succeeded(run->loop, NULL, NULL);
	if (!run->relief)
		run->relief = af_future_new(run->loop, NULL, NULL);
	return af_future_ref(run->relief);
}
