/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program's controlling terminal, while the group of a child has it.
 */
#ifndef AFI_PROCESS_FOREGROUND_H
#define AFI_PROCESS_FOREGROUND_H

#include <stdbool.h>
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
/* Likewise, and leaves the terminal open: its descriptor, or -1. */
int afi_foreground_leave(struct af_process *process);
/* Whether another child that has not ended should have it in this group. */
bool afi_foreground_is_shared(const struct af_process *process, pid_t group);
/*
 * In any thread: the terminal is ours again if this group has it (0: none is
 * meant), or one that is no more. Closes it.
 */
void afi_foreground_reclaim(int tty, pid_t group);

#endif
