/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading from the transport into a file's buffer, and how far beyond what was
 * asked for.
 */
#ifndef AFI_FILE_FILL_H
#define AFI_FILE_FILL_H

#include "file/file.h"

/* What was read is a datagram without bytes, which is no end of file. */
#define AFI_EMPTY (-0x10000)

/* Reads in a row before others get their turn. */
#define AFI_FILLS_MAX 16

/*
 * Reads more into the file's buffer: at least one byte, and at most so many
 * that the buffer holds want bytes, or some more where that is cheap. Bytes
 * read; 0 at the end of file; -EAGAIN; AFI_EMPTY; another negative errno.
 */
ssize_t afi_fill(struct af_file *file, size_t want);
/*
 * The error that comes after what is in the buffer, or 0. It is reported for
 * the last time when nothing is in it.
 */
static inline int afi_fill_error(struct af_file *file)
{
	int error = file->read_error;

	if (error && file->in.len == 0)
		file->read_error = 0;
	return error;
}
/* What a read of 0 bytes means: 0, the end, or the reset that a write saw. */
static inline int afi_fill_end(struct af_file *file)
{
	int error = file->reset;

	file->reset = 0;
	return error;
}
/*
 * Of an AFIO_UNBUFFERED file: how much the buffer may hold after the next read
 * so that no byte in it is beyond the first that is last. At most want.
 */
size_t afi_fill_span(struct af_file *file, size_t want, char last);
/* Of such a file: puts back what was read beyond what was asked for. */
void afi_fill_put_back(struct af_file *file);

#endif
