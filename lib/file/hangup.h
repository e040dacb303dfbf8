/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who waits for the other side of a file to leave.
 */
#ifndef AFI_FILE_HANGUP_H
#define AFI_FILE_HANGUP_H

#include "file/file.h"

/* A bufferevent has said so: ends what waits for it. */
void afi_hangup_said(struct af_file *file);
/* Ends what waits for it with -ECANCELED: the file is closed. */
void afi_hangup_cancel(struct af_file *file);
/* From now on its own half that is shut does not count. */
void afi_hangup_rearm(struct af_file *file);

#endif
