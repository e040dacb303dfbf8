/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads for starts, which may wait in the kernel for long. They are no loop's,
 * as nobody waits for them to end. They know no child.
 */
#ifndef AFI_PROCESS_STARTER_H
#define AFI_PROCESS_STARTER_H

#include <stdbool.h>

#include "base/queue.h"

/* How many threads there may be for one owner; more jobs wait for one. */
#define AFI_STARTER_MAX 16

/*
 * A child inherits from the thread that creates it: namespaces, nice value,
 * processors and more. So a job is done by a thread that its owner has started
 * for it, or for an earlier one that it had to wait for.
 */
struct afi_starter_job {
	TAILQ_ENTRY(afi_starter_job) entry;
	unsigned long owner; /* only compared; 0: nobody, see below */
	bool queued;
	/* In a thread, with signals blocked. It may free the job. */
	void (*work)(struct afi_starter_job *job);
};

/*
 * Has a job done; if there can be no thread, here and now. Without owner, it is
 * done by a thread that never ends: children may die with it.
 */
void afi_starter_do(struct afi_starter_job *job, unsigned long owner);
/* Has it done by a thread that never ends, and waits for it. */
void afi_starter_keep(struct afi_starter_job *job);
/* Takes back a job that no thread has begun; false: one has, or it is done. */
bool afi_starter_recall(struct afi_starter_job *job);

#endif
