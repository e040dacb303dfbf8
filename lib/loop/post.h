/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that other threads ask a loop for.
 */
#ifndef AFI_LOOP_POST_H
#define AFI_LOOP_POST_H

#include <pthread.h>
#include <stdbool.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "loop/task.h"

/* What another thread has the loop run: at the head of what it is about. */
struct afi_post {
	struct afi_task task;
	struct afi_post *next;
	void (*run)(struct afi_task *task);
};

/* Filled by any thread, emptied by the loop's. */
struct afi_mailbox {
	pthread_mutex_t lock;
	struct afi_post *first, **tail;
	int fd; /* an eventfd: readable when there is something in it */
	struct event event; /* on the loop's own base */
	struct event away;  /* on that of the last nested wait */
};

#endif
