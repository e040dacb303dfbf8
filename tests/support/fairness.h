/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A timer of the program, which must fire about as often as it should while
 * something else goes on.
 */
#ifndef TESTS_FAIRNESS_H
#define TESTS_FAIRNESS_H

#include <time.h>

#include <event2/event.h>

#include "support/harness.h"

/* How often a timer of 10 ms fired, and the longest time that it waited. */
static struct {
	struct event *event;
	int fired;
	int64_t last, longest;	   /* us */
	int64_t last_cpu, busiest; /* the same, of this thread's own time */
} fairness;

static inline int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline void fairness_note(void)
{
	int64_t now = now_us(), cpu = cpu_us();

	if (now - fairness.last > fairness.longest)
		fairness.longest = now - fairness.last;
	if (cpu - fairness.last_cpu > fairness.busiest)
		fairness.busiest = cpu - fairness.last_cpu;
	fairness.last = now;
	fairness.last_cpu = cpu;
}

static inline void fairness_on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fairness_note();
	fairness.fired++;
}

static inline void start_timer(struct rig *rig)
{
	fairness.fired = 0;
	fairness.longest = fairness.busiest = 0;
	fairness.last = now_us();
	fairness.last_cpu = cpu_us();
	fairness.event = event_new(af_loop_base(rig->loop), -1, EV_PERSIST,
				   fairness_on_timer, NULL);
	event_add(fairness.event, MS(10));
}

/*
 * The processor may be busy with others, so the limits are far above what is
 * wanted, and below what a row without polls takes.
 */
static inline void stop_timer(int64_t since)
{
	event_free(fairness.event);
	fairness_note();
	ck_assert_int_ge(now_us() - since, 200000);
	ck_assert_int_ge(fairness.fired, 1);
	ck_assert_int_lt(fairness.busiest, 150000);
	ck_assert_int_lt(fairness.longest, 1000000);
}

#endif
