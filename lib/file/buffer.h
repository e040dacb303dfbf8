/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes that a file has read ahead.
 */
#ifndef AFI_FILE_BUFFER_H
#define AFI_FILE_BUFFER_H

#include "file/file.h"

/* What afi_fill() brought was a datagram without bytes, which is no end. */
#define AFI_EMPTY (-0x10000)

/*
 * Reads more into the file's buffer, at least one byte and at most so many that
 * the buffer holds want bytes, or some more where that is cheap. Bytes read; 0
 * at the end of file; -EAGAIN; another negative errno.
 */
ssize_t afi_fill(struct af_file *file, size_t want);
/* Drops n bytes from the front of the file's buffer. */
void afi_consume(struct af_file *file, size_t n);
/* Makes room before and after the buffer's bytes; 0 or -ENOMEM. */
int afi_reserve(struct af_file *file, size_t before, size_t after);

#endif
