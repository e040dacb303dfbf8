/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Posts: the one way into a loop that other threads have. Knows no future.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/evbase.h"
#include "base/fd.h"
#include "loop/loop.h"

/* A function of the program's. */
struct call {
	struct afi_post post;
	void (*fn)(void *);
	void *arg;
};

static void run_call(struct afi_task *task)
{
	struct call *call = (struct call *)task;
	void (*fn)(void *) = call->fn;
	void *arg = call->arg;

	free(call);
	fn(arg);
}

void afi_mailbox_empty(struct af_loop *loop)
{
	struct afi_mailbox *box = &loop->mailbox;
	struct afi_post *post, *next;
	uint64_t count;

	pthread_mutex_lock(&box->lock);
	post = box->first;
	box->first = NULL;
	box->tail = &box->first;
	/* It counts from zero again; that there was nothing is fine, too. */
	while (read(box->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	pthread_mutex_unlock(&box->lock);
	for (; post; post = next) {
		next = post->next;
		afi_loop_ready(loop, &post->task, post->run);
	}
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct af_loop *loop = arg;

	(void)fd;
	(void)what;
	/* A child by fork(2) that took the base over, and not the loop. */
	if (afi_loop_check(loop) == -EBADF) {
		event_del(&loop->mailbox.event);
		return;
	}
	afi_mailbox_empty(loop);
	/* An internal event ends no turn of libevent's. */
	afi_loop_nudge(loop);
}

static void assign(struct event *event, struct af_loop *loop,
		   struct event_base *base)
{
	afi_event_assign(event, base, loop->mailbox.fd, EV_READ | EV_PERSIST,
			 on_mail, loop);
	/* That somebody may post is no reason to go on for ever. */
	afi_event_set_internal(event);
}

int afi_mailbox_move(struct af_loop *loop)
{
	struct event *away = &loop->mailbox.away;

	if (loop->base == loop->home || event_get_base(away) == loop->base)
		return 0;
	event_del(away);
	assign(away, loop, loop->base);
	if (event_add(away, NULL) == 0)
		return 0;
	assign(away, loop, loop->home); /* where it needs not be */
	return -ENOMEM;
}

void afi_mailbox_leave(struct af_loop *loop, struct event_base *base)
{
	struct event *away = &loop->mailbox.away;

	if (event_get_base(away) != base)
		return;
	event_del(away);
	assign(away, loop, loop->home);
}

int afi_mailbox_open(struct af_loop *loop)
{
	struct afi_mailbox *box = &loop->mailbox;
	int r;

	box->tail = &box->first;
	box->fd = afi_fd_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (box->fd < 0)
		return -errno;
	assign(&box->event, loop, loop->base);
	assign(&box->away, loop, loop->base);
	r = event_add(&box->event, NULL) ? -ENOMEM : 0;
	if (r < 0)
		close(box->fd);
	else
		pthread_mutex_init(&box->lock, NULL);
	return r;
}

void afi_mailbox_close(struct af_loop *loop)
{
	event_del(&loop->mailbox.event);
	event_del(&loop->mailbox.away);
	close(loop->mailbox.fd);
	pthread_mutex_destroy(&loop->mailbox.lock);
}

void afi_mailbox_put(struct af_loop *loop, struct afi_post *post)
{
	struct afi_mailbox *box = &loop->mailbox;
	const uint64_t one = 1;
	bool first;

	post->task.run = NULL;
	post->next = NULL;
	pthread_mutex_lock(&box->lock);
	first = !box->first;
	*box->tail = post;
	box->tail = &post->next;
	/* Under the lock: the loop may be freed once it has run the post. */
	while (first && write(box->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_mutex_unlock(&box->lock);
}

int af_loop_post(struct af_loop *loop, void (*fn)(void *), void *arg)
{
	struct call *call;

	if (!loop || !fn)
		return -EINVAL;
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->post.run = run_call;
	call->fn = fn;
	call->arg = arg;
	/* The loop's own thread needs nobody to wake it. */
	if (afi_loop_check(loop) == 0)
		afi_loop_ready(loop, &call->post.task, run_call);
	else
		afi_mailbox_put(loop, &call->post);
	return 0;
}
