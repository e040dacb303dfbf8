/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's heap: a list of its blocks. Some that it frees come from the C
 * library, and are not in the list.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schedules/heap.h"
#include "schedules/schedule.h"
#include "schedules/turns.h"

#define MOST 4096

static struct {
	void *at;
	size_t size;
} blocks[MOST];
static unsigned n_blocks;

unsigned heap_blocks(void)
{
	return n_blocks;
}

static void *add(void *block, size_t size)
{
	if (!block || n_blocks == MOST)
		schedule_fail("out of memory");
	blocks[n_blocks].at = block;
	blocks[n_blocks++].size = size;
	return block;
}

/* Its size; SIZE_MAX: it is not in the list. */
static size_t forget(const void *block)
{
	size_t size;

	for (unsigned i = n_blocks; i > 0; i--) {
		if (blocks[i - 1].at != block)
			continue;
		size = blocks[i - 1].size;
		blocks[i - 1] = blocks[--n_blocks];
		return size;
	}
	return SIZE_MAX;
}

void *turns_malloc(size_t size)
{
	return add(malloc(size), size);
}

void *turns_calloc(size_t n, size_t size)
{
	return add(calloc(n, size), n * size);
}

void turns_free(void *block)
{
	size_t size = block ? forget(block) : SIZE_MAX;

	/* What uses it afterwards goes wrong. */
	if (size != SIZE_MAX)
		memset(block, 0xdf, size);
	free(block);
}

void *turns_realloc(void *before, size_t size)
{
	size_t had = before ? forget(before) : 0;
	void *block;

	if (had == SIZE_MAX)
		return realloc(before, size);
	block = add(malloc(size), size);
	if (before)
		memcpy(block, before, had < size ? had : size);
	free(before);
	return block;
}

void heap_forget(void)
{
	while (n_blocks > 0)
		free(blocks[--n_blocks].at);
}
