/* SPDX-License-Identifier: BSD-3-Clause */
/* A task: an item and its job, from the start to the line in the job log. */
#ifndef FANOUT_TASK_H
#define FANOUT_TASK_H

#include <stddef.h>
#include <time.h>

#include "items.h"
#include "job.h"

struct af_future;
struct host;
struct run;

struct task {
	struct task *next, **link; /* link: what points to this one; or NULL */
	struct run *run;
	struct item item;
	size_t number, slot, tries;
	struct host *host;
	char **words;	 /* the command, filled in */
	struct job *job; /* NULL: it did not start */
	int start_error; /* why not */
	struct job_end end;
	struct timespec start; /* of the monotonic clock */
	double start_time, runtime;
	struct af_future *over; /* with keep_order: done when the job is over */
};

/** Makes a task. It takes the item. NULL if memory ran out. */
struct task *task_new(struct run *run, const struct item *item, size_t number);

/**
 * Runs the task to its end, which frees it.
 *
 * @return a future that is done when another task may take its place
 */
struct af_future *task_run(struct task *task);

#endif
