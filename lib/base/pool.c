/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory kept for reuse, because an allocation takes as long as the rest of a
 * small operation, and a fresh page a hundred times as long. Does not know what
 * the memory is used for.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

/* Reuse would hide a use after free from AddressSanitizer. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_OFF 1
#endif
#endif

#ifdef POOL_OFF
static const bool pool_keeps = false;
#else
static const bool pool_keeps = true;
#endif

#define MAX_BLOCKS 4096

struct afi_block {
	struct afi_block *next;
};

/* A chunk of at most this size is kept as a block. */
#define SMALL_SIZE (AFI_BLOCK_SIZE - sizeof(struct afi_chunk) - 1)

/* Takes a block from the pool; NULL: it is empty. */
static void *pool_reuse(struct afi_pool *pool)
{
	struct afi_block *block = pool->blocks;

	if (!block)
		return NULL;
	pool->blocks = block->next;
	pool->n_blocks--;
	return block;
}

void *afi_block_get(struct afi_pool *pool, size_t size)
{
	void *block = size <= AFI_BLOCK_SIZE ? pool_reuse(pool) : NULL;

	if (block)
		return memset(block, 0, size);
	return calloc(1, size < AFI_BLOCK_SIZE ? AFI_BLOCK_SIZE : size);
}

void afi_block_put(struct afi_pool *pool, void *memory, size_t size)
{
	struct afi_block *block = memory;

	if (!pool_keeps || !pool || size > AFI_BLOCK_SIZE ||
	    pool->n_blocks == MAX_BLOCKS) {
		free(memory);
		return;
	}
	block->next = pool->blocks;
	pool->blocks = block;
	pool->n_blocks++;
}

struct afi_chunk *afi_chunk_get(struct afi_pool *pool, size_t size)
{
	struct afi_chunk *chunk = NULL;

	if (pool_keeps && size <= SMALL_SIZE) {
		size = SMALL_SIZE;
		chunk = pool_reuse(pool);
		if (chunk)
			chunk->size = size;
	} else if (size == AFI_CHUNK_SIZE && pool->n_chunks > 0) {
		chunk = pool->chunks[--pool->n_chunks];
	}
	if (!chunk) {
		if (size > SIZE_MAX - sizeof(*chunk) - 1)
			return NULL;
		chunk = malloc(sizeof(*chunk) + size + 1);
		if (!chunk)
			return NULL;
		chunk->size = size;
	}
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
	else if (pool_keeps && pool && chunk->size == AFI_CHUNK_SIZE &&
		 pool->n_chunks < sizeof(pool->chunks) / sizeof(*pool->chunks))
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
