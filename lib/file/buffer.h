/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffered bytes: read, and not yet taken by an operation. They are in one
 * chunk, which a result can take over without copying. Knows no file.
 */
#ifndef AFI_FILE_BUFFER_H
#define AFI_FILE_BUFFER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"

struct afi_buffer {
	struct afi_chunk *chunk; /* NULL: empty */
	size_t start, len;	 /* of the bytes in the chunk */
};

static inline char *afi_buffer_data(const struct afi_buffer *buffer)
{
	return buffer->chunk ? buffer->chunk->data + buffer->start : (char *)"";
}

/* Where the next byte goes, and how many fit. There must be a chunk. */
static inline char *afi_buffer_tail(const struct afi_buffer *buffer)
{
	return buffer->chunk->data + buffer->start + buffer->len;
}

static inline size_t afi_buffer_room(const struct afi_buffer *buffer)
{
	return buffer->chunk->size - buffer->start - buffer->len;
}

/*
 * Where len bytes must begin for those after them to be at a multiple of 64:
 * copies by the kernel are then up to a tenth faster.
 */
static inline size_t afi_buffer_aligned(const struct afi_chunk *chunk,
					size_t len)
{
	return -((uintptr_t)chunk->data + len) % 64;
}

/* For a buffer whose chunk is nearly full, see below. */
int afi_buffer_make_room(struct afi_buffer *buffer, struct afi_pool *pool,
			 size_t want);
/*
 * Makes room for at least one more byte, and for a full pipe where that is
 * cheap. want: how many bytes the buffer will hold in all; it sizes the chunk.
 * 0 or -ENOMEM.
 */
static inline int afi_buffer_extend(struct afi_buffer *buffer,
				    struct afi_pool *pool, size_t want)
{
	if (!buffer->chunk) {
		buffer->chunk = afi_chunk_get(pool, AFI_CHUNK_SIZE);
		if (!buffer->chunk)
			return -ENOMEM;
		buffer->start = afi_buffer_aligned(buffer->chunk, 0);
		return 0;
	}
	if (afi_buffer_room(buffer) >= AFI_READ_SIZE)
		return 0;
	return afi_buffer_make_room(buffer, pool, want);
}
/* Makes room in front of and behind the buffered bytes; 0 or -ENOMEM. */
int afi_buffer_reserve(struct afi_buffer *buffer, struct afi_pool *pool,
		       size_t before, size_t after);
/*
 * If a large chunk has few bytes, but some, which may have to wait for long,
 * moves them to a smaller one. afi_buffer_extend() moves them back to a large one.
 */
void afi_buffer_shrink(struct afi_buffer *buffer, struct afi_pool *pool);
/* Returns the chunk to the pool if no bytes are left in it. */
void afi_buffer_trim(struct afi_buffer *buffer, struct afi_pool *pool);
/* Inserts bytes at the front; 0 or -ENOMEM. */
int afi_buffer_prepend(struct afi_buffer *buffer, struct afi_pool *pool,
		       const void *data, size_t len);
/* Drops n bytes from the front. */
static inline void afi_buffer_consume(struct afi_buffer *buffer,
				      struct afi_pool *pool, size_t n)
{
	buffer->len -= n;
	if (buffer->len == 0)
		afi_buffer_trim(buffer, pool);
	else
		buffer->start += n;
}

/* Drops n bytes, so that left remain. Keeps the chunk, which is in use. */
static inline void afi_buffer_advance(struct afi_buffer *buffer, size_t n,
				      size_t left)
{
	buffer->start += n;
	buffer->len = left;
}

/* Whether the first n bytes are all bytes, and enough to give a chunk away. */
static inline bool afi_buffer_is_worth_giving(const struct afi_buffer *buffer,
					      size_t n)
{
	return n == buffer->len && n >= buffer->chunk->size / 4;
}

/* Gives the chunk with all bytes to the caller; the buffer is then empty. */
static inline struct afi_chunk *afi_buffer_give(struct afi_buffer *buffer)
{
	struct afi_chunk *chunk = buffer->chunk;

	*buffer = (struct afi_buffer){ 0 };
	return chunk;
}

#endif
