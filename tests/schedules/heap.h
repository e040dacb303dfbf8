/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks that the library has allocated.
 */
#ifndef TESTS_SCHEDULES_HEAP_H
#define TESTS_SCHEDULES_HEAP_H

#include <stddef.h>

unsigned heap_blocks(void);
/* Frees what threads that never end have left. */
void heap_forget(void);

#endif
