/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom the child runs as.
 */
#ifndef AFI_PROCESS_IDENTITY_H
#define AFI_PROCESS_IDENTITY_H

#include "process/child.h"

/*
 * A step of the child: takes over the groups, and the rights of the user, that
 * its plan names. Not yet all ids: see afi_child_become_user().
 */
bool afi_child_take_rights(struct afi_child *child);
/*
 * The step before the exec: becomes the user in all respects. Up to then the
 * user may not send the child signals.
 */
bool afi_child_become_user(struct afi_child *child);

#endif
