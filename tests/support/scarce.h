/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the library built for tests/support/libscarce.a allocates with. A test
 * program defines these.
 */
#ifndef TESTS_SCARCE_H
#define TESTS_SCARCE_H

#include <stddef.h>

void *scarce_malloc(size_t size);
void *scarce_calloc(size_t n, size_t size);
void *scarce_realloc(void *before, size_t size);
void scarce_free(void *block);

#endif
