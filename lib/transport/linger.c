/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lingering: bufferevent_free() drops unsent bytes, and a filter adds some
 * when it is finished. So a bufferevent with unsent bytes stays on the loop
 * until they are sent. Knows no file.
 */
#include "config.h"

#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/container.h"
#include "loop/deadline.h"
#include "transport/bevmove.h"
#include "transport/linger.h"

/* A peer that does not read for so long never will. */
static const struct timeval patience = { 30, 0 };

struct lingering {
	struct bufferevent *bev;
	struct evbuffer_cb_entry *on_sent;
	struct afi_watch watch;
	struct afi_deadline deadline;
	struct afi_member member;
	struct afi_task task;
	bool failed;
	bool ended;
};

struct bufferevent *afi_bottom(struct bufferevent *bev)
{
	struct bufferevent *below;

	while ((below = bufferevent_get_underlying(bev)))
		bev = below;
	return bev;
}

void afi_mute(struct bufferevent *bev, struct evbuffer_cb_entry *entry)
{
	evbuffer_cb_clear_flags(bufferevent_get_output(afi_bottom(bev)), entry,
				EVBUFFER_CB_ENABLED);
}

size_t afi_unsent(struct bufferevent *bev)
{
	size_t n = 0;

	for (; bev; bev = bufferevent_get_underlying(bev))
		n += evbuffer_get_length(bufferevent_get_output(bev));
	return n;
}

bool afi_lost_handshake(struct bufferevent *bev, bool ended)
{
	return ended && evbuffer_get_length(bufferevent_get_output(bev)) > 0;
}

static struct evbuffer *linger_last_buffer(const struct lingering *linger)
{
	return bufferevent_get_output(afi_bottom(linger->bev));
}

static void linger_end(struct lingering *linger)
{
	struct af_loop *loop = linger->deadline.loop;

	afi_task_cancel(&loop->ready, &linger->task);
	afi_loop_leave(&loop->members, &linger->member);
	afi_watch_stop(&linger->watch);
	afi_deadline_stop(&linger->deadline);
	afi_mute(linger->bev, linger->on_sent);
	bufferevent_setcb(linger->bev, NULL, NULL, NULL, NULL);
	bufferevent_free(linger->bev);
	free(linger);
}

static void linger_on_orphan(struct afi_member *member)
{
	linger_end(AFI_CONTAINER(member, struct lingering, member));
}

static void linger_on_deadline(struct afi_deadline *deadline)
{
	linger_end(deadline->arg);
}

static void linger_on_task(struct afi_task *task)
{
	struct lingering *linger = AFI_CONTAINER(task, struct lingering, task);

	if (linger->failed || afi_unsent(linger->bev) == 0)
		linger_end(linger);
	else
		bufferevent_enable(linger->bev, EV_WRITE);
}

static void linger_wake(struct lingering *linger)
{
	if (!linger->task.run)
		afi_loop_ready(linger->deadline.loop, &linger->task,
			       linger_on_task);
}

static void linger_on_sent(struct evbuffer *buf,
			   const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	(void)info;
	linger_wake(arg);
}

/* End of input does not matter, except during a TLS handshake. */
static bool linger_is_fatal(const struct lingering *linger, short what)
{
	if (what & (BEV_EVENT_WRITING | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		return true;
	if (!(what & BEV_EVENT_EOF))
		return false;
	if (linger->ended)
		return afi_lost_handshake(linger->bev, true);
	return !(what & BEV_EVENT_READING);
}

static void linger_on_event(struct bufferevent *bev, short what, void *arg)
{
	struct lingering *linger = arg;

	(void)bev;
	if (linger_is_fatal(linger, what))
		linger->failed = true;
	if (what & BEV_EVENT_EOF)
		linger->ended = true;
	linger_wake(linger);
}

/* What cannot move sends when its base runs again. */
static int linger_move(struct afi_watch *watch)
{
	struct lingering *linger =
		AFI_CONTAINER(watch, struct lingering, watch);

	afi_bevmove(linger->bev, linger->deadline.loop->base);
	return 0;
}

/* 0; or -1, with bev unchanged. */
static int linger_start(struct af_loop *loop, struct bufferevent *bev,
			bool ended)
{
	struct lingering *linger = calloc(1, sizeof(*linger));

	if (!linger)
		return -1;
	linger->bev = bev;
	linger->ended = ended;
	linger->deadline.arg = linger;
	linger->on_sent = evbuffer_add_cb(linger_last_buffer(linger),
					  linger_on_sent, linger);
	if (!linger->on_sent ||
	    afi_deadline_start(&linger->deadline, loop, &patience,
			       linger_on_deadline) < 0) {
		if (linger->on_sent)
			afi_mute(bev, linger->on_sent);
		free(linger);
		return -1;
	}
	afi_loop_join(&loop->members, &linger->member, linger_on_orphan);
	bufferevent_setcb(bev, NULL, NULL, linger_on_event, linger);
	bufferevent_disable(bev, EV_READ);
	bufferevent_enable(bev, EV_WRITE);
	afi_loop_watch(loop, &linger->watch, linger_move);
	linger_move(&linger->watch);
	return 0;
}

void afi_linger(struct af_loop *loop, struct bufferevent *bev, bool sends,
		bool ended)
{
	/* In a child by fork(2), nothing is sent in the parent's name. */
	if (!afi_loop_is_here(loop)) {
		bufferevent_free(bev);
		return;
	}
	/* This alone tells the other end of a pair. */
	bufferevent_flush(bev, EV_READ | EV_WRITE, BEV_FINISHED);
	if (!sends || !afi_loop_alive(loop) || afi_unsent(bev) == 0 ||
	    linger_start(loop, bev, ended) < 0)
		bufferevent_free(bev);
}
