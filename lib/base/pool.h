/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory kept for reuse: blocks of one size for futures, and chunks for bytes.
 * A pool belongs to one loop and its thread; a chunk may end on any thread.
 */
#ifndef AFI_BASE_POOL_H
#define AFI_BASE_POOL_H

#include <stdatomic.h>
#include <stddef.h>

/* What a block holds at most; a larger request goes to malloc(). */
#define AFI_BLOCK_SIZE 288

/*
 * What a pooled chunk holds: one read of a pipe that was full, after the piece
 * of a line that the read before it ended with.
 */
#define AFI_READ_SIZE 65536
#define AFI_CHUNK_SIZE (AFI_READ_SIZE + 4096)

/* Bytes, shared by a file, a future and an evbuffer. */
struct afi_chunk {
	atomic_uint refs;
	size_t size;
	char data[]; /* size bytes, and room for a NUL */
};

struct afi_pool {
	struct afi_block *blocks;
	unsigned n_blocks;
	struct afi_chunk *chunks[8];
	unsigned n_chunks;
};

/* Zeroed memory, or NULL. */
void *afi_block_get(struct afi_pool *pool, size_t size);
/* pool NULL: the loop is gone, free it. */
void afi_block_put(struct afi_pool *pool, void *block, size_t size);

/* A chunk of at least size bytes with one reference, or NULL. */
struct afi_chunk *afi_chunk_get(struct afi_pool *pool, size_t size);
/* Makes room for size bytes in a chunk that nobody shares; 0 or -ENOMEM. */
int afi_chunk_grow(struct afi_chunk **chunk, size_t size);
/* Drops a reference; the last one returns a chunk to the pool, if not NULL. */
void afi_chunk_put(struct afi_pool *pool, struct afi_chunk *chunk);

void afi_pool_clear(struct afi_pool *pool);

#endif
