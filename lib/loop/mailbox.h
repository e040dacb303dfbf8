/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mailbox: posts that other threads leave for one thread, its owner, and how
 * they wake it. Knows neither the loop nor what is posted.
 */
#ifndef AFI_LOOP_MAILBOX_H
#define AFI_LOOP_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/wakeup.h"
#include "loop/task.h"
#include "loop/watch.h"

/* A function for the owner to call, embedded in the data that it needs. */
struct afi_post {
	struct afi_task task;
	struct afi_post *next;
	void (*run)(struct afi_task *task); /* set by the poster */
};

/* Filled by any thread, emptied by its owner's. */
struct afi_mailbox {
	pthread_mutex_t lock; /* of the list and of its wakeup */
	struct afi_post *first, **tail;
	struct afi_wakeup wakeup;
	bool raised;		/* the wakeup, while there may be posts */
	struct event home;	/* on the base it was opened with */
	struct event away;	/* on the last other base it was moved to */
	struct afi_watch watch; /* the owner's, which moves it */
	/* Called in the owner's thread when there are posts. */
	void (*arrived)(struct afi_mailbox *box);
};

/* 0, -EMFILE, -ENFILE or -ENOMEM. */
int afi_mailbox_open(struct afi_mailbox *box, struct event_base *base,
		     void (*arrived)(struct afi_mailbox *));
void afi_mailbox_close(struct afi_mailbox *box);
/* Adds a post. Any thread may call it, and it cannot fail. */
void afi_mailbox_put(struct afi_mailbox *box, struct afi_post *post);
/* Takes all posts out: the first one, linked by next; or NULL. */
struct afi_post *afi_mailbox_take(struct afi_mailbox *box);
/* Whether there are no posts. Any thread may call it. */
bool afi_mailbox_is_empty(struct afi_mailbox *box);
/*
 * Watches it on base, too; 0 or -ENOMEM. It remains on the base with which it
 * was opened, so that moving back costs nothing.
 */
int afi_mailbox_move(struct afi_mailbox *box, struct event_base *base);
/* Forgets a base, other than the first, that is about to be freed. */
void afi_mailbox_leave(struct afi_mailbox *box, struct event_base *base);
/* For a child of fork(2) that runs the base: leaves the posts to the parent. */
void afi_mailbox_ignore(struct afi_mailbox *box);

#endif
