/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory kept for reuse, because an allocation takes as long as the rest of a
 * small operation, and a fresh page a hundred times as long. Does not know what
 * the memory is used for.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

/* A chunk of at most this size is kept as a block. */
#define SMALL_SIZE (AFI_BLOCK_SIZE - sizeof(struct afi_chunk) - 1)

void *afi_block_new(size_t size)
{
	return malloc(size < AFI_BLOCK_SIZE ? AFI_BLOCK_SIZE : size);
}

void *afi_block_get(struct afi_pool *pool, size_t size)
{
	void *block = afi_block_take(pool, size);

	return block ? memset(block, 0, size) : NULL;
}

struct afi_chunk *afi_chunk_get(struct afi_pool *pool, size_t size)
{
	struct afi_chunk *chunk;

	if (size <= SMALL_SIZE && AFI_BLOCKS_MAX > 0) {
		size = SMALL_SIZE;
		chunk = afi_block_take(pool, AFI_BLOCK_SIZE);
	} else if (size == AFI_CHUNK_SIZE && pool->n_chunks > 0) {
		chunk = pool->chunks[--pool->n_chunks];
	} else {
		if (size > SIZE_MAX - sizeof(*chunk) - 1)
			return NULL;
		chunk = malloc(sizeof(*chunk) + size + 1);
	}
	if (!chunk)
		return NULL;
	chunk->size = size;
	atomic_init(&chunk->refs, 1);
	return chunk;
}

int afi_chunk_grow(struct afi_chunk **chunk, size_t size)
{
	struct afi_chunk *grown;

	if (size > SIZE_MAX - sizeof(*grown) - 1)
		return -ENOMEM;
	grown = realloc(*chunk, sizeof(*grown) + size + 1);
	if (!grown)
		return -ENOMEM;
	grown->size = size;
	*chunk = grown;
	return 0;
}

void afi_chunk_put(struct afi_pool *pool, struct afi_chunk *chunk)
{
	if (!chunk || atomic_fetch_sub_explicit(&chunk->refs, 1,
						memory_order_acq_rel) > 1)
		return;
	if (chunk->size == SMALL_SIZE)
		afi_block_put(pool, chunk, AFI_BLOCK_SIZE);
	else if (pool && chunk->size == AFI_CHUNK_SIZE &&
		 pool->n_chunks != AFI_CHUNKS_MAX)
		pool->chunks[pool->n_chunks++] = chunk;
	else
		free(chunk);
}

void afi_pool_clear(struct afi_pool *pool)
{
	struct afi_block *block;

	while ((block = pool->blocks)) {
		pool->blocks = block->next;
		free(block);
	}
	while (pool->n_chunks > 0)
		free(pool->chunks[--pool->n_chunks]);
}
