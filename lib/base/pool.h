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

/* Blocks of one size: on the first shelf AFI_BLOCK_SIZE, then twice as much ... */
#define AFI_SHELVES 5

struct afi_shelf {
	struct afi_block *first;
	unsigned n;
};

#define AFI_CHUNKS 8
#define AFI_CHUNKS_MAX (AFI_BLOCKS_MAX ? AFI_CHUNKS : 0)

struct afi_pool {
	struct afi_shelf shelves[AFI_SHELVES];
	struct afi_chunk *chunks[AFI_CHUNKS];
	unsigned n_chunks;
};

/* Takes the first block from a shelf; NULL: there is none. */
static inline void *afi_shelf_take(struct afi_shelf *shelf)
{
	struct afi_block *block = shelf->first;

	if (block) {
		shelf->first = block->next;
		shelf->n--;
	}
	return block;
}

/* Puts a block on a shelf that has less than max of them; or frees it. */
static inline void afi_shelf_put(struct afi_shelf *shelf, unsigned max,
				 void *memory)
{
	struct afi_block *block = memory;

	if (shelf->n == max) {
		free(block);
		return;
	}
	block->next = shelf->first;
	shelf->first = block;
	shelf->n++;
}

/* Memory for a block of size bytes from malloc(). */
void *afi_block_new(size_t size);
/* Returns memory that is not zeroed, or NULL. */
static inline void *afi_block_take(struct afi_pool *pool, size_t size)
{
	void *block = NULL;

	if (size <= AFI_BLOCK_SIZE)
		block = afi_shelf_take(&pool->shelves[0]);
	return block ? block : afi_block_new(size);
}
/* Returns zeroed memory, or NULL. */
void *afi_block_get(struct afi_pool *pool, size_t size);
/* Returns a block to its pool; pool NULL (the loop was freed): frees it. */
static inline void afi_block_put(struct afi_pool *pool, void *block,
				 size_t size)
{
	if (!pool || size > AFI_BLOCK_SIZE)
		free(block);
	else
		afi_shelf_put(&pool->shelves[0], AFI_BLOCKS_MAX, block);
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
