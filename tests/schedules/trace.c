/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The trace of a schedule, and how it is printed.
 */
#include "config.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schedules/path.h"
#include "schedules/schedule.h"
#include "schedules/trace.h"

#define LONGEST 20000

static struct {
	int thread;
	const char *what, *at;
} steps[LONGEST];
static unsigned n_steps;
static const char *name;

void trace_begin(const char *scenario)
{
	name = scenario;
	n_steps = 0;
}

unsigned trace_length(void)
{
	return n_steps;
}

void trace_step(int thread, const char *what, const char *at)
{
	if (n_steps == LONGEST)
		schedule_fail("it does not come to an end");
	steps[n_steps].thread = thread;
	steps[n_steps].what = what;
	steps[n_steps++].at = at;
}

static void print_name(const char *at)
{
	const char *lib = strstr(at, "lib/");

	printf("%s", lib ? lib : at);
}

void trace_print(void)
{
	for (unsigned i = 0; i < n_steps; i++) {
		printf("%*d %-9s ", 2 + 10 * steps[i].thread, steps[i].thread,
		       steps[i].what);
		print_name(steps[i].at);
		printf("\n");
	}
}

static void print_all(void)
{
	if (!name)
		return;
	trace_print();
	printf("%s failed. To run this schedule again:\n"
	       "CK_RUN_CASE=%s SCHEDULE=",
	       name, name);
	path_print(stdout);
	printf("\n");
	fflush(stdout);
	name = NULL;
}

void schedule_fail(const char *format, ...)
{
	va_list args;

	print_all();
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

static void on_signal(int sig)
{
	print_all();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Of the sanitizers, where there are any. */
void __sanitizer_set_death_callback(void (*fn)(void)) __attribute__((weak));

void trace_at_death(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGALRM };

	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(print_all);
		return;
	}
	for (int i = 0; i < 4; i++)
		signal(signals[i], on_signal);
}
