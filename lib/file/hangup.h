/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations that wait for the other side of a file to leave.
 */
#ifndef AFI_FILE_HANGUP_H
#define AFI_FILE_HANGUP_H

#include "file/file.h"

/* The transport has seen it leave: ends what waits for it. */
void afi_hangup_seen(struct af_file *file);
/* The reading half was shut here: that half does not count any more. */
void afi_hangup_rearm(struct af_file *file);

#endif
