/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a child's program may be.
 */
#ifndef AFI_PROCESS_SEARCH_H
#define AFI_PROCESS_SEARCH_H

#include "process/child.h"

/*
 * Sets paths, and sh_argv if sh may run the program; one allocation that
 * free(3) of paths frees. 0, -ENOMEM, or -ENAMETOOLONG.
 */
int afi_search_paths(struct afi_child_plan *plan);

#endif
