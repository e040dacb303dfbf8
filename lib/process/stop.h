/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stopping a child that is a stage of a pipeline.
 */
#ifndef AFI_PROCESS_STOP_H
#define AFI_PROCESS_STOP_H

#include <asyncfile/process.h>

/* af_process_stop(), except that the rest of the group is not killed. */
struct af_future *afi_process_stop(struct af_process *process,
				   const struct timeval *grace);

#endif
