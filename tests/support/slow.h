/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk that is as slow as a test wants it. The library is built into the
 * test's program with the calls below renamed to these; of regular files they
 * do what the test says, of all else what they always do.
 */
#ifndef TESTS_SLOW_H
#define TESTS_SLOW_H

#include <stdbool.h>
#include <sys/types.h>

/* What calls that are not to wait say. */
enum slow_now {
	NOW_AS_EVER,
	NOW_COLD,	 /* nothing is in memory */
	NOW_UNSUPPORTED, /* by the file system */
};

struct slow_failure {
	int error;     /* 0: none */
	unsigned skip; /* so many calls go well before */
};

struct slow {
	enum slow_now now;
	bool no_threads; /* none can be started */
	struct slow_failure read, write, sync;
	size_t write_max; /* what one write takes, at most; 0: all */
};

/* Of calls that may wait. Any thread. */
void slow_set(const struct slow *slow);
/* From now on they wait, but for the first so many. */
void slow_stop(unsigned but_for);
/* Until this. */
void slow_go(void);
/* Waits until so many are waiting. */
void slow_expect(unsigned waiting);
/* How many waited at once, at most; and how many calls there were. */
unsigned slow_most(void);
unsigned slow_calls(void);

#endif
