/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PID namespaces, whose first process cannot end before all others are reaped.
 */
#ifndef AFI_PROCESS_PIDNS_H
#define AFI_PROCESS_PIDNS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * In how many namespaces the process has a number, itself and its ancestors'; 0
 * if that cannot be known. *ret_last: its number in the innermost of them.
 */
int afi_pidns_depth(pid_t pid, long *ret_last);

#endif
