/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The read buffer: makes room in it and drops bytes from it. Knows no file.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "file/buffer.h"

/* So few bytes are moved out of a chunk that has room for far more. */
#define SHRINK_MAX 4096

/* Moves the bytes to another chunk, with room for size bytes; 0 or -ENOMEM. */
static int buffer_move(struct afi_buffer *buffer, struct afi_pool *pool,
		       size_t size)
{
	struct afi_chunk *own = afi_chunk_get(pool, size);

	if (!own)
		return -ENOMEM;
	memcpy(own->data, afi_buffer_data(buffer), buffer->len);
	afi_chunk_put(pool, buffer->chunk);
	buffer->chunk = own;
	buffer->start = 0;
	return 0;
}

static bool buffer_is_shared(const struct afi_buffer *buffer)
{
	return atomic_load_explicit(&buffer->chunk->refs,
				    memory_order_relaxed) > 1;
}

static int buffer_grow(struct afi_buffer *buffer, size_t want)
{
	size_t size = buffer->chunk->size;
	size_t grown = size <= SIZE_MAX / 2 ? size * 2 : SIZE_MAX;

	/* Bytes in front of the first one are not used. */
	if (want <= SIZE_MAX - buffer->start)
		want += buffer->start;
	if (grown > want && want > size)
		grown = want;
	return afi_chunk_grow(&buffer->chunk, grown);
}

/* Moves the bytes to the front, so that what is read next is aligned. */
static void buffer_move_down(struct afi_buffer *buffer)
{
	size_t start = afi_buffer_aligned(buffer->chunk, buffer->len);

	if (start >= buffer->start)
		return;
	memmove(buffer->chunk->data + start, afi_buffer_data(buffer),
		buffer->len);
	buffer->start = start;
}

int afi_buffer_make_room(struct afi_buffer *buffer, struct afi_pool *pool,
			 size_t want)
{
	int r = 0;

	if (buffer->chunk->size < AFI_CHUNK_SIZE)
		return buffer_move(buffer, pool, AFI_CHUNK_SIZE);
	if (afi_buffer_room(buffer) > 0 && buffer->start < buffer->len)
		return 0;
	if (buffer_is_shared(buffer)) {
		/*
		 * A function of each_line() may still use it, although its
		 * operation has ended.
		 */
		r = buffer_move(buffer, pool, buffer->chunk->size);
	} else {
		buffer_move_down(buffer);
	}
	if (r < 0 || afi_buffer_room(buffer) > 0)
		return r;
	return buffer_grow(buffer, want);
}

int afi_buffer_reserve(struct afi_buffer *buffer, struct afi_pool *pool,
		       size_t before, size_t after)
{
	size_t size = 2 * buffer->len + before + after;
	struct afi_chunk *larger;

	/* Others may be using the front of a shared chunk. */
	if (buffer->chunk && (before == 0 || !buffer_is_shared(buffer)) &&
	    buffer->start >= before && afi_buffer_room(buffer) >= after)
		return 0;
	larger = afi_chunk_get(pool,
			       size > AFI_CHUNK_SIZE ? size : AFI_CHUNK_SIZE);
	if (!larger)
		return -ENOMEM;
	/* What is unread in small pieces comes in a row: leave room for more. */
	if (before > 0)
		before += (larger->size - buffer->len - before - after) / 2;
	memcpy(larger->data + before, afi_buffer_data(buffer), buffer->len);
	afi_chunk_put(pool, buffer->chunk);
	buffer->chunk = larger;
	buffer->start = before;
	return 0;
}

void afi_buffer_shrink(struct afi_buffer *buffer, struct afi_pool *pool)
{
	if (buffer->len > SHRINK_MAX || buffer->chunk->size < AFI_CHUNK_SIZE ||
	    buffer_is_shared(buffer))
		return;
	/* Without memory they stay where they are. */
	buffer_move(buffer, pool, buffer->len);
}

void afi_buffer_trim(struct afi_buffer *buffer, struct afi_pool *pool)
{
	if (buffer->len > 0)
		return;
	afi_chunk_put(pool, buffer->chunk);
	buffer->chunk = NULL;
	buffer->start = 0;
}

int afi_buffer_prepend(struct afi_buffer *buffer, struct afi_pool *pool,
		       const void *data, size_t len)
{
	int r = afi_buffer_reserve(buffer, pool, len, 0);

	if (r < 0)
		return r;
	buffer->start -= len;
	buffer->len += len;
	memcpy(afi_buffer_data(buffer), data, len);
	return 0;
}
