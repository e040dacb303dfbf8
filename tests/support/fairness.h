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

/*
 * How often the timer fired, and the longest time that it waited. What goes on
 * ends when it has fired often enough, or after a time that is too long. This is
 * the thread's own: a busy machine may hold a thread up for as long.
 */
enum { TICK_MS = 5, ENOUGH = 4, TOO_LONG_MS = 300 };

static struct {
	struct event *event;
	struct af_future *endless; /* canceled when it is enough, or NULL */
	int fired;
	int64_t last, longest;		      /* us */
	int64_t began_cpu, last_cpu, busiest; /* of this thread's own time */
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
	if (++fairness.fired >= ENOUGH)
		af_future_cancel(fairness.endless);
}

static inline void start_timer(struct rig *rig)
{
	fairness.fired = 0;
	fairness.longest = fairness.busiest = 0;
	fairness.last = now_us();
	fairness.began_cpu = fairness.last_cpu = cpu_us();
	fairness.event = event_new(af_loop_base(rig->loop), -1, EV_PERSIST,
				   fairness_on_timer, NULL);
	event_add(fairness.event, MS(TICK_MS));
}

static inline bool is_enough(void)
{
	return fairness.fired >= ENOUGH ||
	       cpu_us() - fairness.began_cpu >= TOO_LONG_MS * 1000;
}

/* Returns f, which the timer cancels when it is enough; one at a time. */
static inline struct af_future *until_enough(struct af_future *f)
{
	fairness.endless = af_future_ref(f);
	return f;
}

/*
 * The processor may be busy with others, so the limits are far above what is
 * wanted, and below what a row without polls takes.
 */
static inline void stop_timer(void)
{
	event_free(fairness.event);
	af_future_unref(fairness.endless);
	fairness.endless = NULL;
	fairness_note();
	ck_assert(is_enough());
	ck_assert_int_ge(fairness.fired, 1);
	ck_assert_int_lt(fairness.busiest, 150000);
	ck_assert_int_lt(fairness.longest, 1000000);
}

#endif
