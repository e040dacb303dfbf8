/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copying from one file to another, as one of two directions.
 */
#ifndef AFI_FILE_COPY_H
#define AFI_FILE_COPY_H

#include <asyncfile/file.h>

/*
 * af_file_copy() up to the end of `from`; at that end it shuts down the writing
 * half of `to`, if that is possible.
 */
struct af_future *afi_copy_through(struct af_file *from, struct af_file *to);

#endif
