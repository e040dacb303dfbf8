/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations that wait for the other side of a file to leave.
 */
#ifndef AFI_FILE_HANGUP_H
#define AFI_FILE_HANGUP_H

#include "file/file.h"

/* For transports: the other side has left; completes those operations. */
void afi_hangup_seen(struct af_file *file);
/* After a local SHUT_RD: stops watching for the end of the reading half. */
void afi_hangup_rearm(struct af_file *file);

#endif
