/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes that were read and that no operation has taken. One chunk holds
 * them, which a result may take as it is. Knows no file.
 */
#ifndef AFI_FILE_BUFFER_H
#define AFI_FILE_BUFFER_H

#include <stdbool.h>

#include "base/pool.h"

struct afi_buffer {
	struct afi_chunk *chunk; /* NULL: empty */
	size_t start, len;	 /* of the bytes in it */
};

static inline char *afi_buffer_data(const struct afi_buffer *buffer)
{
	return buffer->chunk ? buffer->chunk->data + buffer->start : (char *)"";
}

/* Where the next byte goes, and how many fit; only with a chunk. */
static inline char *afi_buffer_tail(const struct afi_buffer *buffer)
{
	return buffer->chunk->data + buffer->start + buffer->len;
}

static inline size_t afi_buffer_room(const struct afi_buffer *buffer)
{
	return buffer->chunk->size - buffer->start - buffer->len;
}

/*
 * Makes room for at least one byte, and for as much as a pipe holds if that
 * costs no more than what was taken has saved. want: how many bytes the buffer
 * is to hold. 0 or -ENOMEM.
 */
int afi_buffer_extend(struct afi_buffer *buffer, struct afi_pool *pool,
		      size_t want);
/* Makes room before and after the bytes; 0 or -ENOMEM. */
int afi_buffer_reserve(struct afi_buffer *buffer, struct afi_pool *pool,
		       size_t before, size_t after);
/* Gives the chunk back if it is empty. */
void afi_buffer_trim(struct afi_buffer *buffer, struct afi_pool *pool);
/* Puts bytes in front; 0 or -ENOMEM. */
int afi_buffer_prepend(struct afi_buffer *buffer, struct afi_pool *pool,
		       const void *data, size_t len);
/* Drops n bytes from the front. */
void afi_buffer_consume(struct afi_buffer *buffer, struct afi_pool *pool,
			size_t n);

/* The same while others hold the chunk, so that it stays; left: what remains. */
static inline void afi_buffer_advance(struct afi_buffer *buffer, size_t n,
				      size_t left)
{
	buffer->start += n;
	buffer->len = left;
}

/* Whether its first n bytes are all of it, and fill the chunk well enough. */
static inline bool afi_buffer_is_worth_giving(const struct afi_buffer *buffer,
					      size_t n)
{
	return n == buffer->len && n >= buffer->chunk->size / 4;
}

/* Gives the chunk away, with all the bytes, and is empty then. */
static inline struct afi_chunk *afi_buffer_give(struct afi_buffer *buffer)
{
	struct afi_chunk *chunk = buffer->chunk;

	*buffer = (struct afi_buffer){ 0 };
	return chunk;
}

#endif
