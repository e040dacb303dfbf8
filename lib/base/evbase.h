/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libevent bases and events, where libevent's own calls are not enough.
 */
#ifndef AFI_BASE_EVBASE_H
#define AFI_BASE_EVBASE_H

#include <stdbool.h>

#include <event2/event.h>

/*
 * Makes a base with as many priorities as like has (NULL: one). NULL with errno
 * on failure.
 */
struct event_base *afi_base_new(struct event_base *like);

/*
 * Whether the program is running its base now, that is, whether this is called
 * inside a libevent callback. The only way to see that is that libevent's
 * cached time does not advance there.
 */
bool afi_base_is_running(struct event_base *base);

/*
 * Calls the callbacks that bufferevents have deferred on a base whose events have
 * all moved away: until then they defer no other, and are not freed.
 */
void afi_base_finish(struct event_base *base);

/*
 * In a child by fork(2): gives the base a backend of its own, so that nothing is
 * taken out of that of the parent. Without descriptors for it, nothing happens.
 */
void afi_base_split(struct event_base *base);

/* event_assign() for a descriptor that may be blocking. */
void afi_event_assign(struct event *event, struct event_base *base, int fd,
		      short what, event_callback_fn fn, void *arg);

/* event_new(), likewise. */
struct event *afi_event_new(struct event_base *base, int fd, short what,
			    event_callback_fn fn, void *arg);

/* An internal event does not keep its base running. Call before event_add(). */
void afi_event_set_internal(struct event *event);

#endif
