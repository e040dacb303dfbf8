/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From options to a child that runs.
 */
#ifndef AFI_PROCESS_SPAWN_H
#define AFI_PROCESS_SPAWN_H

#include "process/failure.h"
#include "process/process.h"

/*
 * Starts the child of a process that has none, and makes its files. 0; or
 * -errno and there is no child, but maybe files.
 */
int afi_launch(struct af_process *process, const char *const argv[],
	       const struct af_spawn_options *options,
	       struct afi_failure *failure);

#endif
