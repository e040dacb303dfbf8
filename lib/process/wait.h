/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures that the end of a child completes. A stop is one that sends signals.
 */
#ifndef AFI_PROCESS_WAIT_H
#define AFI_PROCESS_WAIT_H

#include "base/container.h"
#include "process/process.h"

struct afi_process_wait {
	struct af_future future;
	struct afi_process_member member;
	struct af_process *process;
	bool kills_rest; /* of the group, once its leader has ended */
};

static inline struct afi_process_wait *afi_process_wait_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct afi_process_wait, future);
}

/*
 * A wait with ops, whose size, cancel and describe are those of
 * struct afi_process_wait. A zero timeout expires at once.
 */
struct af_future *afi_process_wait_new(struct af_process *process,
				       const struct afi_future_ops *ops,
				       const struct timeval *timeout);
/* Ends a pending one before the child's end. */
void afi_process_wait_fail(struct afi_process_wait *wait, int error);
void afi_process_wait_cancel(struct af_future *f);
void afi_process_wait_describe(const struct af_future *f, FILE *out);

#endif
