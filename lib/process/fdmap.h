/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors that a child is given.
 */
#ifndef AFI_PROCESS_FDMAP_H
#define AFI_PROCESS_FDMAP_H

#include "process/child.h"

/* Checks the list: each is open, and each number is asked for once. 0 or -errno. */
int afi_fdmap_check(const struct af_spawn_options *options,
		    struct afi_failure *failure);
/* Fills in plan->targets, which has room for plan->n_fds numbers. */
void afi_fdmap_list_targets(struct afi_child_plan *plan);

#endif
