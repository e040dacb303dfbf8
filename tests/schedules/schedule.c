/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a scenario in all of its schedules.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schedules/heap.h"
#include "schedules/path.h"
#include "schedules/schedule.h"
#include "schedules/sync.h"
#include "schedules/threads.h"
#include "schedules/trace.h"
#include "schedules/turns.h"

static unsigned staying;

struct start {
	void (*fn)(void *arg);
	void *arg;
};

static void *start_main(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	start.fn(start.arg);
	return NULL;
}

void schedule_start(void (*fn)(void *), void *arg)
{
	struct start *start = malloc(sizeof(*start));
	pthread_t id;

	if (!start)
		schedule_fail("out of memory");
	*start = (struct start){ fn, arg };
	turns_create(&id, start_main, start, "the program");
}

void schedule_join(unsigned but_for)
{
	staying = but_for;
	threads_me()->stay = but_for;
	threads_next(OP_JOIN, NULL, "joined", "the program");
}

void schedule_wait(const bool *set)
{
	threads_next(OP_FLAG, (void *)(uintptr_t)set, "let in", "the program");
}

void schedule_step(const char *what)
{
	turns_step(what, "the program");
}

unsigned schedule_choose(unsigned n)
{
	int taken = path_decide(n, n);

	if (taken < 0)
		schedule_fail("it is not the same every time");
	return (unsigned)taken;
}

static void run(const char *name, void (*scenario)(void))
{
	path_rewind();
	trace_begin(name);
	staying = 0;
	threads_begin();
	scenario();
	if (staying == 0 && heap_blocks() > 0)
		schedule_fail("%u blocks of memory are left", heap_blocks());
	threads_end();
	if (staying > 0) {
		sync_reset();
		heap_forget();
	}
}

static unsigned chosen_bound(unsigned preemptions)
{
	const char *text = getenv("SCHEDULES_PREEMPTIONS");

	if (!text)
		return preemptions;
	return strcmp(text, "all") == 0 ? PATH_NO_BOUND
					: (unsigned)strtoul(text, NULL, 10);
}

static void explore(const char *name, void (*scenario)(void), unsigned bound)
{
	clock_t start = clock();
	unsigned longest = 0;
	unsigned long n = 0;

	path_begin(bound);
	do {
		run(name, scenario);
		n++;
		longest = trace_length() > longest ? trace_length() : longest;
	} while (path_next());
	printf("%s: %lu schedules, ", name, n);
	if (bound == PATH_NO_BOUND)
		printf("all there are");
	else
		printf("%u preemptions", bound);
	printf(", at most %u steps, %.1f s\n", longest,
	       (double)(clock() - start) / CLOCKS_PER_SEC);
	fflush(stdout);
}

void schedule_explore(const char *name, void (*scenario)(void),
		      unsigned preemptions)
{
	const char *again = getenv("SCHEDULE");

	trace_at_death();
	/* What is made once for the whole program is made now. */
	path_begin(0);
	run(name, scenario);
	if (again) {
		path_begin_with(again);
		run(name, scenario);
		trace_print();
		printf("%s: this schedule passed\n", name);
	} else {
		explore(name, scenario, chosen_bound(preemptions));
	}
	threads_stop();
}
