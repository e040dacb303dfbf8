/* SPDX-License-Identifier: BSD-3-Clause */
/* The start of a task's job. */
#ifndef FANOUT_START_H
#define FANOUT_START_H

struct task;

/**
 * Starts the job of a task, on the host with the fewest jobs.
 *
 * @return 0; or a negative errno. -ECANCELED: after a complaint, which ends the
 *         run. In a dry run, or for a batch, there is
 *         no job.
 */
int start_job(struct task *task);

#endif
