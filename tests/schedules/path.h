/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decisions of one schedule, and the way to the next one. Knows no thread.
 */
#ifndef TESTS_SCHEDULES_PATH_H
#define TESTS_SCHEDULES_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#define PATH_NO_BOUND UINT_MAX

/* Begins a series of schedules with at most that many preemptions. */
void path_begin(unsigned preemptions);
/* Begins with one schedule, as path_print() wrote it. */
void path_begin_with(const char *text);
/* The first decision of a schedule comes next. */
void path_rewind(void);
/*
 * One of n: a number below n. Those from n_free on are preemptions. -1: this
 * schedule was another one the last time it came here.
 */
int path_decide(unsigned n, unsigned n_free);
/* Goes to the next schedule; false: that was the last one. */
bool path_next(void);
void path_print(FILE *out);

#endif
