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

/* Bytes in a block; a larger request goes to malloc(). */
#define AFI_BLOCK_SIZE 288

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

struct afi_pool {
	struct afi_block *blocks;
	unsigned n_blocks;
	struct afi_chunk *chunks[8];
	unsigned n_chunks;
};

/* Returns zeroed memory, or NULL. */
void *afi_block_get(struct afi_pool *pool, size_t size);
/* Returns a block to its pool; pool NULL (the loop was freed): frees it. */
void afi_block_put(struct afi_pool *pool, void *block, size_t size);

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
