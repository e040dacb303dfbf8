/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scheduler that runs a scenario in one order of its threads after another.
 * The library is built into the test with the calls by which threads meet
 * replaced: each is a point where the scheduler decides which thread goes on,
 * and only that one runs. So one list of decisions is one schedule, and all of
 * them are tried, depth first.
 *
 * A preemption is a decision against a thread that could go on, or for a timeout
 * while a thread could. Of these each schedule has a few at most: as many as the
 * scenario names, or SCHEDULES_PREEMPTIONS, which is a number or "all".
 *
 * A schedule fails if no thread can go on; if the loop waits, and only a timeout
 * would end that; if a mutex or a condition is used after its end; if memory is
 * left; or if the scenario says so. It is printed, and with SCHEDULE=TEXT it is
 * run again, alone and in every detail. Stores are seen in the order in which
 * they were made: what weaker memory does is not tried.
 */
#ifndef TESTS_SCHEDULES_SCHEDULE_H
#define TESTS_SCHEDULES_SCHEDULE_H

#include <stdbool.h>

/*
 * Runs all schedules of a scenario, which is called anew for each of them, on
 * the thread of its loop; prints how many there were.
 */
void schedule_explore(const char *name, void (*scenario)(void),
		      unsigned preemptions);

/* In a scenario: starts a thread of the program's. */
void schedule_start(void (*fn)(void *arg), void *arg);
/* Waits until all other threads have ended, except some that never do. */
void schedule_join(unsigned but_for);
/* Waits until another thread has set it. */
void schedule_wait(const bool *set);
/* One of n, in turn: a number below n. */
unsigned schedule_choose(unsigned n);
/* Lets other threads go on before a step of the program's own. */
void schedule_step(const char *what);

void schedule_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
#define schedule_expect(condition)                                             \
	((condition) ? (void)0                                                 \
		     : schedule_fail("%s:%d: not true: %s", __FILE__,          \
				     __LINE__, #condition))

#endif
