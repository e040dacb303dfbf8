/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads from the transport into a file's buffer, and limits how far ahead.
 */
#ifndef AFI_FILE_FILL_H
#define AFI_FILE_FILL_H

#include "file/file.h"

/* An empty datagram was read; this is not end of file. */
#define AFI_EMPTY (-0x10000)

/* The longest packet of a packet pipe. */
#define AFI_PACKET_MAX 4096

/* Reads in one turn. */
#define AFI_FILLS_MAX 16

/* afi_fill() by the transport's read, which runs no code of the program. */
ssize_t afi_fill_by_read(struct af_file *file, size_t want);
/*
 * Reads more bytes into the file's buffer, so that it has at most want bytes,
 * plus what is read ahead. Bytes read; 0 at end of file; -EAGAIN; AFI_EMPTY;
 * another negative errno.
 */
static inline ssize_t afi_fill(struct af_file *file, size_t want)
{
	ssize_t r = file->transport->fill ? file->transport->fill(file, want)
					  : afi_fill_by_read(file, want);

	afi_file_note(file, r);
	return r;
}
/*
 * The error that comes after the buffered bytes, or 0. Once the buffer is
 * empty, the error is returned one last time.
 */
static inline int afi_fill_error(struct af_file *file)
{
	int error = file->read_error;

	if (error && file->in.len == 0)
		file->read_error = 0;
	return error;
}
/* Whether an operation without a size has gathered more than it may. */
static inline bool afi_fill_is_too_much(const struct af_file *file)
{
	return file->limit && file->in.len > file->limit;
}
/* What a read of 0 bytes means: 0 (the end), or a reset that a write saw. */
static inline int afi_fill_end(struct af_file *file)
{
	int error = file->reset;

	file->reset = 0;
	return error;
}
/*
 * For an AFIO_UNBUFFERED file, or one that keeps descriptors: how many bytes the
 * buffer may hold after the next read, so that none is read beyond the first
 * byte that is equal to one of the n in last. At most want.
 */
size_t afi_fill_span(struct af_file *file, size_t want, const char *last,
		     size_t n);
/* For an AFIO_UNBUFFERED file: puts back what was read ahead. */
void afi_fill_put_back(struct af_file *file);

#endif
