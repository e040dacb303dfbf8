/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptors of a child.
 */
#ifndef AFI_PROCESS_CHILDFDS_H
#define AFI_PROCESS_CHILDFDS_H

#include "process/child.h"

/*
 * A step of the child: marks all descriptors from closefrom on, so that the exec
 * closes them.
 */
bool afi_child_close_others(struct afi_child *child);
/* A step after that one: gives each descriptor of the plan its number. */
bool afi_child_place_fds(struct afi_child *child);
/*
 * A step after afi_child_take_rights(): opens the streams that the child opens
 * itself, with the rights of its user and in its working directory.
 */
bool afi_child_open_streams(struct afi_child *child);

#endif
