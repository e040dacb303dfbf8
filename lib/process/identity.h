/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom the child runs as.
 */
#ifndef AFI_PROCESS_IDENTITY_H
#define AFI_PROCESS_IDENTITY_H

#include "process/child.h"

/* A step of the child: becomes the user and the groups that its plan names. */
bool afi_child_set_user(struct afi_child *child);
/* Whether the parent may become any user. */
bool afi_identity_may_change(void);

#endif
