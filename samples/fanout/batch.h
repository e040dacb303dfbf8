/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches: jobs that Slurm runs as arrays, where there is no allocation. */
#ifndef FANOUT_BATCH_H
#define FANOUT_BATCH_H

#include <stddef.h>

struct af_future;
struct af_loop;
struct batch;
struct plan;
struct task;

/** How many jobs may be in one array. */
#define BATCH_MAX ((size_t)1000)

/** NULL if memory ran out. */
struct batch *batch_new(struct af_loop *loop, const struct plan *plan);

/**
 * Runs the command of a task, and gives the task its job with the output.
 *
 * @return a future that is done when the job is over, whether or not it
 *         succeeded; it fails, after a complaint, if the job could not be
 *         submitted
 */
struct af_future *batch_run(struct batch *batch, struct task *task);

/** Cancels all arrays. */
void batch_stop(struct batch *batch);

/** NULL is fine. */
void batch_free(struct batch *batch);

#endif
