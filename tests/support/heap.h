/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How large a block of the heap is.
 */
#ifndef TESTS_HEAP_H
#define TESTS_HEAP_H

#include "config.h"

#include <stddef.h>

#ifdef HAVE_MALLOC_SIZE
#include <malloc/malloc.h>

static inline size_t heap_block_size(void *block)
{
	return malloc_size(block);
}
#else
#include <malloc.h>

static inline size_t heap_block_size(void *block)
{
	return malloc_usable_size(block);
}
#endif

#endif
