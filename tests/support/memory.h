/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allocations of the library built for tests/support/libscarce.a, or
 * libscarcetls.a, that are counted, and of which some fail. For one file of a
 * test program.
 */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "support/harness.h"
#include "support/scarce.h"

/* Atomic, as a start allocates in a thread of the library, too. */
static struct {
	atomic_bool watched;
	atomic_size_t n;    /* allocations since it is watched */
	size_t from, until; /* which of them fail */
	atomic_size_t failed;
	atomic_long live; /* allocated, and not freed */
} memory;

static bool memory_refused(void)
{
	size_t i;

	if (!memory.watched)
		return false;
	i = memory.n++;
	if (i < memory.from || i >= memory.until)
		return false;
	memory.failed++;
	errno = ENOMEM;
	return true;
}

static void *memory_counted(void *result)
{
	memory.live += result != NULL;
	return result;
}

void *scarce_malloc(size_t size)
{
	return memory_refused() ? NULL : memory_counted(malloc(size));
}

void *scarce_calloc(size_t n, size_t size)
{
	return memory_refused() ? NULL : memory_counted(calloc(n, size));
}

void *scarce_realloc(void *before, size_t size)
{
	void *result;

	if (memory_refused())
		return NULL;
	result = realloc(before, size);
	return before ? result : memory_counted(result);
}

void scarce_free(void *block)
{
	memory.live -= block != NULL;
	free(block);
}

/* libevent complains when it runs out of memory, but only then. */
static inline void expect_cause(int severity, const char *message)
{
	(void)severity;
	ck_assert_msg(memory.failed > 0, "libevent logged %s", message);
}

#endif
