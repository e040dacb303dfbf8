/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statuses that the program hands over.
 */
#ifndef AFI_PROCESS_REAPED_H
#define AFI_PROCESS_REAPED_H

#include "process/process.h"

/*
 * The process has its child from now on, which the program may have reaped and
 * handed over while it was being started.
 */
void afi_reaped_look(struct af_process *process);

#endif
