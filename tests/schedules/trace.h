/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of the schedule that is running, to print when it fails.
 */
#ifndef TESTS_SCHEDULES_TRACE_H
#define TESTS_SCHEDULES_TRACE_H

void trace_begin(const char *scenario);
void trace_step(int thread, const char *what, const char *at);
unsigned trace_length(void);
void trace_print(void);
/* From now on what ends the program prints the schedule first. */
void trace_at_death(void);

#endif
