/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving a bufferevent to another base: which kind can move, and what the move
 * must not change. Knows no file.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>

#include <event2/bufferevent.h>
#include <event2/util.h>

#include "transport/bevmove.h"

/*
 * Whether a limit holds of its own or of a group, for which libevent has no
 * question: then no more can be read at once than that, whatever else is
 * allowed.
 */
static bool bevmove_is_limited(struct bufferevent *bev)
{
	const size_t most = EV_SSIZE_MAX;
	ev_ssize_t read_before = bufferevent_get_max_single_read(bev);
	ev_ssize_t write_before = bufferevent_get_max_single_write(bev);
	bool limited;

	bufferevent_set_max_single_read(bev, most);
	bufferevent_set_max_single_write(bev, most);
	limited = bufferevent_get_max_to_read(bev) < EV_SSIZE_MAX ||
		  bufferevent_get_max_to_write(bev) < EV_SSIZE_MAX;
	bufferevent_set_max_single_read(bev, (size_t)read_before);
	bufferevent_set_max_single_write(bev, (size_t)write_before);
	return limited;
}

int afi_bevmove(struct bufferevent *bev, struct event_base *base)
{
	struct event_base *before = bufferevent_get_base(bev);
	short enabled = bufferevent_get_enabled(bev);
	int priority = bufferevent_get_priority(bev);
	int r = 0;

	if (before == base)
		return 0;
	if (bevmove_is_limited(bev))
		return -ENOTSUP;
	bufferevent_disable(bev, enabled);
	if (bufferevent_base_set(base, bev) < 0) {
		bufferevent_base_set(before, bev);
		r = -ENOTSUP;
	}
	bufferevent_priority_set(bev, priority); /* which the move has reset */
	if (bufferevent_enable(bev, enabled) < 0 && r == 0)
		r = -ENOMEM;
	return r;
}
