/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A task: something to run once, from a queue, outside libevent's dispatch.
 * Knows nothing else.
 */
#ifndef AFI_LOOP_TASK_H
#define AFI_LOOP_TASK_H

#include <stddef.h>
#include <sys/queue.h>

struct afi_task {
	TAILQ_ENTRY(afi_task) entry;
	void (*run)(struct afi_task *task); /* NULL: not queued */
};
TAILQ_HEAD(afi_tasks, afi_task);

/* Appends a task that is in no queue; run is the function to call. */
static inline void afi_task_queue(struct afi_tasks *queue,
				  struct afi_task *task,
				  void (*run)(struct afi_task *))
{
	task->run = run;
	TAILQ_INSERT_TAIL(queue, task, entry);
}

/* Takes a task out of the queue it is in, if it is in one. */
void afi_task_cancel(struct afi_tasks *queue, struct afi_task *task);

/* Takes the first task out of a queue, which must not be empty, and runs it. */
static inline void afi_task_run_first(struct afi_tasks *queue)
{
	struct afi_task *task = TAILQ_FIRST(queue);
	void (*run)(struct afi_task *) = task->run;

	TAILQ_REMOVE(queue, task, entry);
	/* Before the call, which may queue it again or free it. */
	task->run = NULL;
	run(task);
}

#endif
