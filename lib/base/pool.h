/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory kept for reuse: blocks of one size for futures, and chunks for bytes.
 * A pool belongs to one loop and its thread. A chunk can be freed on any
 * thread, by dropping its last reference without a pool.
 */
#ifndef AFI_BASE_POOL_H
#define AFI_BASE_POOL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* Bytes in a block; a larger request goes to malloc(). */
#define AFI_BLOCK_SIZE 288

/*
 * Reuse would hide a use after free from AddressSanitizer: then nothing is kept.
 * Else this many blocks, at most.
 */
#if defined(__SANITIZE_ADDRESS__)
#define AFI_BLOCKS_MAX 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AFI_BLOCKS_MAX 0
#endif
#endif
#ifndef AFI_BLOCKS_MAX
#define AFI_BLOCKS_MAX 4096
#endif

/*
 * Bytes in a pooled chunk: room for one read from a full pipe, after a piece of
 * a line that the read before it left.
 */
#define AFI_READ_SIZE 65536
#define AFI_CHUNK_SIZE (AFI_READ_SIZE + 4096)

/* Bytes that a file, a future and an evbuffer can share. */
struct afi_chunk {
	atomic_uint refs;
	size_t size;
	char data[]; /* size bytes and a NUL */
};

struct afi_block {
	struct afi_block *next;
};

#define AFI_CHUNKS_MAX (AFI_BLOCKS_MAX ? 8 : 0)

struct afi_pool {
	struct afi_block *blocks;
	unsigned n_blocks;
	struct afi_chunk *chunks[8];
	unsigned n_chunks;
};

/* A block from malloc(). */
void *afi_block_new(size_t size);
/* Returns memory that is not zeroed, or NULL. */
static inline void *afi_block_take(struct afi_pool *pool, size_t size)
{
	struct afi_block *block = pool->blocks;

	if (!block || size > AFI_BLOCK_SIZE)
		return afi_block_new(size);
	pool->blocks = block->next;
	pool->n_blocks--;
	return block;
}

/* Returns zeroed memory, or NULL. */
void *afi_block_get(struct afi_pool *pool, size_t size);
/* Returns a block to its pool; pool NULL (the loop was freed): frees it. */
static inline void afi_block_put(struct afi_pool *pool, void *memory,
				 size_t size)
{
	struct afi_block *block = memory;

	if (!pool || size > AFI_BLOCK_SIZE ||
	    pool->n_blocks == AFI_BLOCKS_MAX) {
		free(memory);
		return;
	}
	block->next = pool->blocks;
	pool->blocks = block;
	pool->n_blocks++;
}

/* Returns a chunk of at least size bytes with one reference, or NULL. */
struct afi_chunk *afi_chunk_get(struct afi_pool *pool, size_t size);
/* Grows a chunk with one reference to size bytes; 0 or -ENOMEM. */
int afi_chunk_grow(struct afi_chunk **chunk, size_t size);
/*
 * Drops a reference. The last one returns the chunk to the pool; pool NULL:
 * frees it.
 */
void afi_chunk_put(struct afi_pool *pool, struct afi_chunk *chunk);

void afi_pool_clear(struct afi_pool *pool);

#endif
