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
void memory_forget(void); /* the samples so far */
/*
 * Prints and compares the heap in use before anything is opened, and after all
 * is closed.
 */
bool memory_is_freed(size_t first, size_t last);
/*
 * Prints how much the line rises from its beginning to its end. False: by more
 * than the bound; true if the run was too short to tell.
 */
bool memory_is_flat(void);

#endif
