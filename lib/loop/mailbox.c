/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mailbox: a list under a lock, and a wakeup that is raised while the list
 * is not empty. Knows neither the loop nor what is posted: it reports posts by a
 * function pointer.
 */
#include "config.h"

#include <errno.h>

#include "base/evbase.h"
#include "loop/mailbox.h"

static void mailbox_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct afi_mailbox *box = arg;

	(void)fd;
	(void)what;
	box->arrived(box);
}

static void mailbox_assign(struct afi_mailbox *box, struct event *event,
			   struct event_base *base)
{
	afi_event_assign(event, base, box->wakeup.fd, EV_READ | EV_PERSIST,
			 mailbox_on_readable, box);
	/* A post that may yet come is no reason to run for ever. */
	afi_event_set_internal(event);
}

int afi_mailbox_open(struct afi_mailbox *box, struct event_base *base,
		     void (*arrived)(struct afi_mailbox *))
{
	int r = afi_wakeup_open(&box->wakeup);

	if (r < 0)
		return r;
	box->arrived = arrived;
	box->tail = &box->first;
	mailbox_assign(box, &box->home, base);
	mailbox_assign(box, &box->away, base);
	r = event_add(&box->home, NULL) ? -ENOMEM : 0;
	if (r < 0)
		afi_wakeup_close(&box->wakeup);
	else
		pthread_mutex_init(&box->lock, NULL);
	return r;
}

void afi_mailbox_close(struct afi_mailbox *box)
{
	event_del(&box->home);
	event_del(&box->away);
	afi_wakeup_close(&box->wakeup);
	pthread_mutex_destroy(&box->lock);
}

void afi_mailbox_put(struct afi_mailbox *box, struct afi_post *post)
{
	post->task.run = NULL;
	post->next = NULL;
	pthread_mutex_lock(&box->lock);
	*box->tail = post;
	box->tail = &post->next;
	/* Under the lock: the owner may be gone once it has run the post. */
	if (!box->raised)
		afi_wakeup_raise(&box->wakeup);
	box->raised = true;
	pthread_mutex_unlock(&box->lock);
}

struct afi_post *afi_mailbox_take(struct afi_mailbox *box)
{
	struct afi_post *post;

	pthread_mutex_lock(&box->lock);
	post = box->first;
	box->first = NULL;
	box->tail = &box->first;
	/*
	 * Several may be the beginning of a burst: while the wakeup is raised
	 * the others need no system call, and the owner looks once more.
	 */
	if (!post || !post->next) {
		afi_wakeup_clear(&box->wakeup);
		box->raised = false;
	}
	pthread_mutex_unlock(&box->lock);
	return post;
}

bool afi_mailbox_is_empty(struct afi_mailbox *box)
{
	bool empty;

	pthread_mutex_lock(&box->lock);
	empty = !box->first;
	pthread_mutex_unlock(&box->lock);
	return empty;
}

int afi_mailbox_move(struct afi_mailbox *box, struct event_base *base)
{
	struct event_base *home = event_get_base(&box->home);

	if (base == home || event_get_base(&box->away) == base)
		return 0;
	event_del(&box->away);
	mailbox_assign(box, &box->away, base);
	if (event_add(&box->away, NULL) == 0)
		return 0;
	mailbox_assign(box, &box->away, home); /* that is, on no other base */
	return -ENOMEM;
}

void afi_mailbox_leave(struct afi_mailbox *box, struct event_base *base)
{
	if (event_get_base(&box->away) != base)
		return;
	event_del(&box->away);
	mailbox_assign(box, &box->away, event_get_base(&box->home));
}

void afi_mailbox_ignore(struct afi_mailbox *box)
{
	event_del(&box->home);
}
