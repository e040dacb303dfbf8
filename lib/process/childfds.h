/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors of a child.
 */
#ifndef AFI_PROCESS_CHILDFDS_H
#define AFI_PROCESS_CHILDFDS_H

#include "process/child.h"

/*
 * A step of the child: marks all descriptors from closefrom on, so that the exec
 * closes them.
 */
bool afi_child_close_others(struct afi_child *child);
/* A step after that one: gives each descriptor of the plan its number. */
bool afi_child_place_fds(struct afi_child *child);
/*
 * A step after afi_child_take_rights(): opens the streams that the child opens
 * itself, with the rights of its user and in its working directory.
 */
bool afi_child_open_streams(struct afi_child *child);

/* Whether a stream is made only in the child, or closed there. */
AFI_IN_CHILD static inline bool
afi_child_is_late(const struct afi_child_stream *stream)
{
	return stream->path || stream->closed || stream->is_stdout;
}

/* Whether another descriptor, or none, will get this number. */
AFI_IN_CHILD static inline bool
afi_child_is_target(const struct afi_child_plan *plan, int fd)
{
	size_t from = 0, to = plan->n_targets, middle;

	if (fd >= 0 && fd < 3 && afi_child_is_late(&plan->streams[fd]))
		return true;
	while (from < to) {
		middle = from + (to - from) / 2;
		if (plan->targets[middle] == fd)
			return true;
		if (plan->targets[middle] < fd)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

#endif
