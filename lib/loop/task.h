/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Something to run from a loop's queue, outside libevent's dispatch.
 */
#ifndef AFI_LOOP_TASK_H
#define AFI_LOOP_TASK_H

#include <sys/queue.h>

struct afi_task {
	TAILQ_ENTRY(afi_task) entry;
	void (*run)(struct afi_task *task); /* NULL: not queued */
};
TAILQ_HEAD(afi_tasks, afi_task);

#endif
