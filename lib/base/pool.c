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

void *afi_block_new(size_t size)
{
	return malloc(size < AFI_BLOCK_SIZE ? AFI_BLOCK_SIZE : size);
}

void *afi_block_get(struct afi_pool *pool, size_t size)
{
	void *block = afi_block_take(pool, size);

	return block ? memset(block, 0, size) : NULL;
}

/* How many bytes fit into a chunk that is a block of this shelf. */
static size_t pool_room(int shelf)
{
	return ((size_t)AFI_BLOCK_SIZE << shelf) - sizeof(struct afi_chunk) - 1;
}

/* The shelf for a chunk of this size; AFI_SHELVES: it is too large. */
static int pool_shelf(size_t size)
{
	int i = 0;

	while (i < AFI_SHELVES && size > pool_room(i))
		i++;
	return AFI_BLOCKS_MAX ? i : AFI_SHELVES;
}

static struct afi_chunk *pool_new_chunk(size_t size)
{
	if (size > SIZE_MAX - sizeof(struct afi_chunk) - 1)
		return NULL;
	return malloc(sizeof(struct afi_chunk) + size + 1);
}

struct afi_chunk *afi_chunk_get(struct afi_pool *pool, size_t size)
{
	struct afi_chunk *chunk = NULL;
	int shelf;

	if (size == AFI_CHUNK_SIZE) {
		if (pool->n_chunks > 0)
			chunk = pool->chunks[--pool->n_chunks];
	} else if ((shelf = pool_shelf(size)) < AFI_SHELVES) {
		size = pool_room(shelf);
		chunk = afi_shelf_take(&pool->shelves[shelf]);
	}
	if (!chunk)
		chunk = pool_new_chunk(size);
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
	int shelf;

	if (!chunk || atomic_fetch_sub_explicit(&chunk->refs, 1,
						memory_order_acq_rel) > 1)
		return;
	if (pool && chunk->size == AFI_CHUNK_SIZE) {
		if (pool->n_chunks == AFI_CHUNKS_MAX)
			free(chunk);
		else
			pool->chunks[pool->n_chunks++] = chunk;
		return;
	}
	shelf = pool_shelf(chunk->size);
	if (pool && shelf < AFI_SHELVES && chunk->size == pool_room(shelf))
		afi_shelf_put(&pool->shelves[shelf],
			      AFI_BLOCKS_MAX >> (2 * shelf), chunk);
	else
		free(chunk);
}

void afi_pool_clear(struct afi_pool *pool)
{
	void *block;

	for (int i = 0; i < AFI_SHELVES; i++)
		while ((block = afi_shelf_take(&pool->shelves[i])))
			free(block);
	while (pool->n_chunks > 0)
		free(pool->chunks[--pool->n_chunks]);
}
