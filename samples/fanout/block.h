/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks: pieces of the input that hold whole records. */
#ifndef FANOUT_BLOCK_H
#define FANOUT_BLOCK_H

#include <asyncfile/file.h>

/** Two pieces: the second may be missing. */
struct block {
	struct af_future *parts[2];
};

/**
 * Reads at least size bytes, and on to the end of a record.
 *
 * @param record_end what a record ends with; its len may be 0
 * @return a future, whose value is a struct block that belongs to the caller.
 *         An empty one is the end of the file.
 */
struct af_future *block_read(struct af_file *from, size_t size,
			     const struct af_text *record_end);

size_t block_size(const struct block *block);

/** NULL is fine. */
void block_free(struct block *block);

#endif
