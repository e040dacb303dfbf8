/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far a file reads beyond what was asked for.
 */
#ifndef AFI_FILE_AHEAD_H
#define AFI_FILE_AHEAD_H

#include "file/file.h"

/* How much of room a read may fill whose operation is done with want bytes. */
size_t afi_ahead_limit(const struct af_file *file, size_t want, size_t room);
/*
 * Of an AFIO_UNBUFFERED file, how many bytes may be read, at least one, so that
 * none is beyond the first that is last.
 */
size_t afi_ahead_span(const struct af_file *file, char last);
/* Of such a file on disk: puts back what was read beyond what was asked. */
void afi_ahead_put_back(struct af_file *file);

#endif
