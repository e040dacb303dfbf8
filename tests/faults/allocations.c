/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allocations of the library and of libevent, which are counted.
 */
#include "config.h"

#include <stdlib.h>

#include "faults/wrap.h"
#include "support/scarce.h"

static void *counted(void *result)
{
	faults->live += result != NULL;
	return result;
}

static void *counted_again(void *before, void *result)
{
	return before ? result : counted(result);
}

void *scarce_malloc(size_t size)
{
	enum fault f = MEET(malloc, ON(ENOMEM), 0);

	return f != FAULT_NONE ? (faults_fail(f), NULL) : counted(malloc(size));
}

void *scarce_calloc(size_t n, size_t size)
{
	enum fault f = MEET(calloc, ON(ENOMEM), 0);

	return f != FAULT_NONE ? (faults_fail(f), NULL)
			       : counted(calloc(n, size));
}

void *scarce_realloc(void *before, size_t size)
{
	enum fault f = MEET(realloc, ON(ENOMEM), 0);

	return f != FAULT_NONE ? (faults_fail(f), NULL)
			       : counted_again(before, realloc(before, size));
}

void scarce_free(void *block)
{
	faults->live -= block != NULL;
	free(block);
}

void *faults_event_malloc(size_t size)
{
	enum fault f = MEET(event_malloc, ON(ENOMEM), 0);

	return f != FAULT_NONE ? (faults_fail(f), NULL) : counted(malloc(size));
}

void *faults_event_realloc(void *before, size_t size)
{
	enum fault f = MEET(event_realloc, ON(ENOMEM), 0);

	return f != FAULT_NONE ? (faults_fail(f), NULL)
			       : counted_again(before, realloc(before, size));
}
