/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads: whether there may be others, and names for debuggers.
 */
#ifndef AFI_BASE_THREADS_H
#define AFI_BASE_THREADS_H

#include <pthread.h>
#include <stdbool.h>

#ifdef HAVE_SYS_SINGLE_THREADED_H
#include <sys/single_threaded.h>

/* False: there is no other thread. */
static inline bool afi_threads_possible(void)
{
	return !__libc_single_threaded;
}
#elif defined(HAVE_PTHREAD_IS_THREADED_NP)
static inline bool afi_threads_possible(void)
{
	return pthread_is_threaded_np();
}
#else
static inline bool afi_threads_possible(void)
{
	return true;
}
#endif

/* Names the calling thread, where that is done in this way. */
#ifdef HAVE_PTHREAD_SETNAME_NP
int pthread_setname_np(pthread_t thread, const char *name);

static inline void afi_threads_set_name(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}
#else
static inline void afi_threads_set_name(const char *name)
{
	(void)name;
}
#endif

#endif
