/* SPDX-License-Identifier: BSD-3-Clause */
/* What this process has: descriptors, threads, children, memory. */
#ifndef TESTS_SOAKING_USAGE_H
#define TESTS_SOAKING_USAGE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Threads without the keepers of children that die with the program, which the
 * documentation says never end.
 */
struct usage {
	long fds, threads, children, zombies; /* -1: the system does not tell */
	long rss_kib;
	size_t heap; /* bytes in use; 0: not known */
};

/* Needs one descriptor for a moment, whatever the limit is. */
struct usage usage_now(void);
/* Whether heap is exact: no cache of a thread counts as in use. */
bool usage_is_exact(void);

#endif
