/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copying from one file to another, as one direction of two.
 */
#ifndef AFI_FILE_COPY_H
#define AFI_FILE_COPY_H

#include <asyncfile/file.h>

/*
 * af_file_copy() to the end of from, which then shuts down the writing half of
 * to, where that is possible.
 */
struct af_future *afi_copy_through(struct af_file *from, struct af_file *to);

#endif
