/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues of tasks. Knows neither the owner of a queue nor what a task does.
 */
#include "config.h"

#include "loop/task.h"

void afi_task_cancel(struct afi_tasks *queue, struct afi_task *task)
{
	if (!task->run)
		return;
	TAILQ_REMOVE(queue, task, entry);
	task->run = NULL;
}
