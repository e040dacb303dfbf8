/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the process has threads that nobody knows of.
 */
#ifndef AFI_BASE_THREADS_H
#define AFI_BASE_THREADS_H

#include <stdbool.h>

#ifdef HAVE_SYS_SINGLE_THREADED_H
#include <sys/single_threaded.h>

/* False: there is no other thread. */
static inline bool afi_threads_possible(void)
{
	return !__libc_single_threaded;
}
#else
static inline bool afi_threads_possible(void)
{
	return true;
}
#endif

#endif
