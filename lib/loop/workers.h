/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads for calls that may block: a few for each loop and crew, which start
 * when there is work and end after a while without work. They know jobs, and no
 * file.
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
	/* Called in a worker; or in the loop's thread, see afi_workers_do(). */
	void (*work)(struct afi_job *job);
	/* Called after that in the loop's thread, from the ready queue. */
	void (*back)(struct afi_job *job);
	/* Called instead if the loop was freed, in any thread. */
	void (*drop)(struct afi_job *job);
};
TAILQ_HEAD(afi_jobs, afi_job);

/* Queues a job; 0, or -EAGAIN: there is no worker and can be none; -ENOMEM. */
int afi_workers_queue(struct af_loop *loop, struct afi_job *job);
/*
 * Queues a job or, if that is not possible, does it at once in this thread.
 * True: it is done, and back is not called.
 */
bool afi_workers_do(struct af_loop *loop, struct afi_job *job);
/* Takes back a job that no worker has begun; false: one has, or it is done. */
bool afi_workers_recall(struct af_loop *loop, struct afi_job *job);

/*
 * Between these two calls the base has an event, so that it runs on while a
 * worker has a job: libevent does not know about workers. They may nest.
 */
void afi_loop_hold(struct af_loop *loop);
void afi_loop_unhold(struct af_loop *loop);

#endif
