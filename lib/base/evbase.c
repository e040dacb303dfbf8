/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libevent bases and events: how to find out what libevent does not report, and
 * to avoid the cases in which it would end the program.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <event2/event_struct.h>
#include <event2/util.h>

#include "base/evbase.h"
#include "base/pipe.h"

/*
 * A base has three descriptors: one for its backend, and a pair for signals; and
 * a fourth for its timer if the environment has EVENT_PRECISE_TIMER. libevent
 * exits if there is none for the pair: find out first. 0 or -errno.
 */
static int evbase_check_fds(void)
{
	int fds[4], r = afi_pipe_open(fds), n = 2;

	if (r < 0)
		return r;
	for (; n < 4; n++) {
		fds[n] = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
		if (fds[n] < 0) {
			r = -errno;
			break;
		}
	}
	while (n-- > 0)
		close(fds[n]);
	return r;
}

struct event_base *afi_base_new(struct event_base *like)
{
	struct event_base *base;
	int r = evbase_check_fds();

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	base = event_base_new();
	/* A bufferevent keeps its priority when its callbacks are deferred. */
	if (base && like &&
	    event_base_priority_init(base, event_base_get_npriorities(like)) <
		    0) {
		event_base_free(base);
		base = NULL;
	}
	if (!base)
		errno = ENOMEM;
	return base;
}

bool afi_base_is_running(struct event_base *base)
{
	struct timeval before, after, start, now;

	event_base_gettimeofday_cached(base, &before);
	evutil_gettimeofday(&start, NULL);
	do
		evutil_gettimeofday(&now, NULL);
	while (now.tv_sec == start.tv_sec && now.tv_usec <= start.tv_usec + 1);
	event_base_gettimeofday_cached(base, &after);
	return evutil_timercmp(&before, &after, ==);
}

void afi_base_finish(struct event_base *base)
{
	/* A turn calls those of one priority. */
	for (int i = event_base_get_npriorities(base); i > 0; i--) {
		if (event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE) ==
		    0)
			break;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

void afi_base_split(struct event_base *base)
{
	/* libevent would exit. */
	if (base && evbase_check_fds() == 0)
		event_reinit(base);
}

void afi_event_assign(struct event *event, struct event_base *base, int fd,
		      short what, event_callback_fn fn, void *arg)
{
	event_assign(event, base, -1, what, fn, arg);
	/* In debug mode, event_assign() aborts for a blocking descriptor. */
	event->ev_fd = fd;
}

struct event *afi_event_new(struct event_base *base, int fd, short what,
			    event_callback_fn fn, void *arg)
{
	struct event *event = event_new(base, -1, what, fn, arg);

	if (event)
		event->ev_fd = fd;
	return event;
}

void afi_event_set_internal(struct event *event)
{
	event->ev_evcallback.evcb_flags |= EVLIST_INTERNAL;
}
