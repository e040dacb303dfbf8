/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a process notices that its child ends, stops or continues, and tells its
 * members; and the end of the process itself.
 */
#ifndef AFI_PROCESS_NOTICE_H
#define AFI_PROCESS_NOTICE_H

#include "process/process.h"

/* Tells and empties a list of members. */
void afi_process_tell(struct afi_process_members *members, int error);
/* Adds a member to a list, or takes one out of it that has not been told. */
void afi_process_join(struct afi_process_members *members,
		      struct afi_process_member *member,
		      void (*tell)(struct afi_process_member *, int));
void afi_process_leave(struct af_process *process,
		       struct afi_process_members *members,
		       struct afi_process_member *member);
/* Looks whether the child has ended; if so, tells the members, or holds it. */
void afi_process_look(struct af_process *process);
/* Looks whether it has stopped or continued; if so, tells of the change. */
void afi_process_look_for_change(struct af_process *process);
/* The program has reaped it, and says how it ended. */
void afi_process_hand_over(struct af_process *process, int status);
/* Has the base do that once the child ends; 0 or -errno. */
int afi_process_watch(struct af_process *process);
/* Has the base do so for a reason of AFI_LOOK_..., too; 0 or -errno. */
int afi_process_look_for(struct af_process *process, unsigned reason);
void afi_process_unwatch(struct af_process *process);
/*
 * It may end soon, or has got SIGKILL, which should end it. Where nothing but
 * zombies of ours may be in the way of that, they are reaped.
 */
void afi_process_expect_end(struct af_process *process, bool killed);
/* Frees it, and what there is of its exit. Its files must be closed. */
void afi_process_discard(struct af_process *process);

#endif
