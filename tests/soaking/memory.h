/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether memory is flat: samples of the heap in use at quiet points, where no
 * task is under way, and a straight line through those of the last two thirds.
 */
#ifndef TESTS_SOAKING_MEMORY_H
#define TESTS_SOAKING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void memory_sample(double seconds, size_t heap);
/*
 * Prints how much the line rises from its beginning to its end. False: by more
 * than the bound; true if the run was too short to tell.
 */
bool memory_is_flat(void);

#endif
