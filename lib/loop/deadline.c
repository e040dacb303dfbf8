/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deadlines, by libevent's timers. libevent counts from a cached time of a
 * coarse clock; a deadline here is a point in time of the precise clock.
 */
#include "config.h"

#include <errno.h>
#include <time.h>

#include "base/container.h"
#include "loop/deadline.h"

#define NSEC_PER_SEC INT64_C(1000000000)
#define NSEC_PER_USEC INT64_C(1000)

/* Cheaper to read, and some milliseconds late. */
#ifndef CLOCK_MONOTONIC_COARSE
#ifdef CLOCK_MONOTONIC_FAST
#define CLOCK_MONOTONIC_COARSE CLOCK_MONOTONIC_FAST
#else
#define CLOCK_MONOTONIC_COARSE CLOCK_MONOTONIC
#endif
#endif

static int64_t deadline_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t afi_now(void)
{
	return deadline_clock(CLOCK_MONOTONIC);
}

int64_t afi_now_coarse(void)
{
	return deadline_clock(CLOCK_MONOTONIC_COARSE);
}

/* Arms the timer for what is left. */
static int deadline_arm(struct afi_deadline *deadline)
{
	int64_t left = deadline->at - afi_now();
	struct timeval tv = { 0, 0 };

	if (left > 0) {
		left += NSEC_PER_USEC - 1; /* never early */
		tv.tv_sec = left / NSEC_PER_SEC;
		tv.tv_usec = left % NSEC_PER_SEC / NSEC_PER_USEC;
	}
	/*
	 * Inside a callback libevent adds to the time at which the callbacks
	 * of this turn began, which may be long ago.
	 */
	event_base_update_cache_time(deadline->loop->base);
	return event_add(&deadline->event, &tv) ? -ENOMEM : 0;
}

static void deadline_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct afi_deadline *deadline = arg;

	(void)fd;
	(void)what;
	if (!afi_loop_is_here(deadline->loop))
		return;
	/* The coarse clock may be some milliseconds ahead of the fine one. */
	if (afi_now() < deadline->at && deadline_arm(deadline) == 0)
		return;
	afi_watch_stop(&deadline->watch);
	deadline->passed(deadline);
}

static int deadline_move(struct afi_watch *watch)
{
	struct afi_deadline *deadline =
		AFI_CONTAINER(watch, struct afi_deadline, watch);

	event_del(&deadline->event);
	evtimer_assign(&deadline->event, deadline->loop->base,
		       deadline_on_timer, deadline);
	return deadline_arm(deadline);
}

int afi_deadline_start(struct afi_deadline *deadline, struct af_loop *loop,
		       const struct timeval *timeout,
		       void (*passed)(struct afi_deadline *))
{
	/* Longer than this is for ever; adding it up must not overflow. */
	const int64_t max = INT64_MAX / NSEC_PER_SEC / 4;
	int64_t sec = timeout->tv_sec < max ? timeout->tv_sec : max;

	deadline->loop = loop;
	deadline->passed = passed;
	deadline->at = afi_now() + sec * NSEC_PER_SEC +
		       timeout->tv_usec * NSEC_PER_USEC;
	evtimer_assign(&deadline->event, loop->base, deadline_on_timer,
		       deadline);
	if (deadline_arm(deadline) < 0)
		return -ENOMEM;
	afi_loop_watch(loop, &deadline->watch, deadline_move);
	return 0;
}

void afi_deadline_stop(struct afi_deadline *deadline)
{
	/* Once it has passed, its base may be gone. */
	if (deadline->watch.move)
		event_del(&deadline->event);
	afi_watch_stop(&deadline->watch);
}
