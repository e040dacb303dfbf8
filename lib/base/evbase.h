/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bases of libevent, and events on them, where libevent alone does not do.
 */
#ifndef AFI_BASE_EVBASE_H
#define AFI_BASE_EVBASE_H

#include <stdbool.h>

#include <event2/event.h>

/* A base with as many priorities as another (or NULL); NULL and errno. */
struct event_base *afi_base_new(struct event_base *like);

/*
 * Whether the program is running its base right now, by the one sign that can
 * be seen from outside: inside a callback libevent's clock stands still.
 */
bool afi_base_is_running(struct event_base *base);

/* As event_assign(), of a descriptor that need not be non-blocking. */
void afi_event_assign(struct event *event, struct event_base *base, int fd,
		      short what, event_callback_fn fn, void *arg);

/* It keeps no base running. Before it is added. */
void afi_event_set_internal(struct event *event);

#endif
