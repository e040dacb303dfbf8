/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program's controlling terminal, while the group of a child has it.
 */
#ifndef AFI_PROCESS_FOREGROUND_H
#define AFI_PROCESS_FOREGROUND_H

#include <sys/types.h>

struct af_process;

/*
 * Opens the terminal for a child that is about to join group (0: one of its
 * own), which gives it to that group itself. 0; -ENOTTY: there is none; -EPERM:
 * we are in the background; or -errno.
 */
int afi_foreground_open(struct af_process *process, pid_t group);
/* The child has stopped: the terminal is ours again, if its group has it. */
void afi_foreground_stopped(struct af_process *process);
/*
 * The child has ended, or could not be started: so it is, if no other child
 * should have it. Closes it.
 */
void afi_foreground_end(struct af_process *process);

#endif
