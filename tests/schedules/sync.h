/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of mutexes and conditions, which is in their own memory.
 */
#ifndef TESTS_SCHEDULES_SYNC_H
#define TESTS_SCHEDULES_SYNC_H

#include <pthread.h>
#include <stdbool.h>

bool sync_is_free(const pthread_mutex_t *mutex);
/* Does what was asked for by turns_atfork(), as in a child. */
void sync_reset(void);

#endif
