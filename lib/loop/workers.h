/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads for what may block: a few for each loop and crew, which start when
 * there is work and end after a while without. They know jobs, and no file.
 */
#ifndef AFI_LOOP_WORKERS_H
#define AFI_LOOP_WORKERS_H

#include "loop/loop.h"

/*
 *  afi_workers_queue --> queued --> work() in a worker --> back() in the loop
 *                          |                          \-> drop(), without it
 *                          `--> recalled; or dropped with the loop
 */
struct afi_job {
	struct afi_post post; /* by which it comes back */
	TAILQ_ENTRY(afi_job) entry;
	bool queued;
	enum afi_crew crew; /* whose job it is */
	/* In a worker's thread; or in the loop's, see afi_workers_do(). */
	void (*work)(struct afi_job *job);
	/* In the loop's thread, from the ready queue. */
	void (*back)(struct afi_job *job);
	/* Instead, in any thread. */
	void (*drop)(struct afi_job *job);
};
TAILQ_HEAD(afi_jobs, afi_job);

/* Queues a job; 0, or -EAGAIN: there is no worker and can be none; -ENOMEM. */
int afi_workers_queue(struct af_loop *loop, struct afi_job *job);
/*
 * Has a job done. True: it was done at once, here, because it could not be
 * queued; then it does not come back.
 */
bool afi_workers_do(struct af_loop *loop, struct afi_job *job);
/* Takes back a job that no worker has begun; false: one has, or it is done. */
bool afi_workers_recall(struct af_loop *loop, struct afi_job *job);

/*
 * Between the two calls the base is not empty, so that it waits for a worker,
 * which libevent knows nothing of. They may nest.
 */
void afi_loop_hold(struct af_loop *loop);
void afi_loop_unhold(struct af_loop *loop);

#endif
