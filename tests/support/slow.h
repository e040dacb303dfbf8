/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk that is as slow as a test wants. The library is built into the test's
 * program with its system calls replaced. On regular files the replacements do
 * what the test sets; on other files, what the system calls do.
 */
#ifndef TESTS_SLOW_H
#define TESTS_SLOW_H

#include <stdbool.h>
#include <sys/types.h>

/* The result of calls with RWF_NOWAIT. */
enum slow_now {
	NOW_AS_EVER,
	NOW_AT_ONCE,	 /* they write, on every file system */
	NOW_COLD,	 /* nothing is in the page cache, until it is read */
	NOW_BYPASSED,	 /* nor is it then */
	NOW_UNSUPPORTED, /* the file system does not support them */
};

struct slow_failure {
	int error;     /* 0: none */
	unsigned skip; /* how many calls succeed before */
};

struct slow {
	enum slow_now now;
	bool no_threads; /* no thread can be started */
	struct slow_failure read, write, sync;
	struct slow_failure now_read; /* of reads with RWF_NOWAIT */
	size_t write_max; /* the most bytes of one write; 0: all */
	bool read_before; /* a read waits when it has its bytes already */
};

/* Sets the above; from any thread. */
void slow_set(const struct slow *slow);
/* From now on, calls that may wait do so, except the first but_for. */
void slow_stop(unsigned but_for);
/* From now on, each open(2) of a relative path waits. */
void slow_stop_opens(void);
/* Lets all waiting calls go on, and later ones not wait. */
void slow_go(void);
/* Waits until that many calls are waiting. */
void slow_expect(unsigned waiting);
/* The most calls that waited at once; and how many calls there were. */
unsigned slow_most(void);
unsigned slow_calls(void);
/* How often bytes that are not in memory were asked for without a worker. */
unsigned slow_bypassed(void);
/* How often the system was asked to read ahead. */
unsigned slow_ahead(void);
/* The most bytes that were to be written by one call that may not wait. */
size_t slow_longest(void);

#endif
