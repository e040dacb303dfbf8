/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Included before each source of the library for tests/schedules/libturns.a: the
 * calls by which threads meet become calls of the scheduler, see schedule.h. The
 * system's headers come first, as they declare what is renamed here.
 */
#ifndef TESTS_SCHEDULES_NAMES_H
#define TESTS_SCHEDULES_NAMES_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include <event2/event.h>

#include "schedules/turns.h"

#define TURNS_TEXT(x) #x
#define TURNS_LINE(x) TURNS_TEXT(x)
#define TURNS_AT __FILE__ ":" TURNS_LINE(__LINE__)

#define pthread_mutex_init(m, attr) turns_mutex_init(m)
#define pthread_mutex_destroy(m) turns_mutex_destroy(m, TURNS_AT)
#define pthread_mutex_lock(m) turns_mutex_lock(m, TURNS_AT)
#define pthread_mutex_unlock(m) turns_mutex_unlock(m, TURNS_AT)
#define pthread_cond_init(c, attr) turns_cond_init(c)
#define pthread_cond_destroy(c) turns_cond_destroy(c, TURNS_AT)
#define pthread_cond_wait(c, m) turns_cond_wait(c, m, TURNS_AT)
#define pthread_cond_timedwait(c, m, end) turns_cond_timedwait(c, m, TURNS_AT)
#define pthread_cond_signal(c) turns_cond_signal(c, TURNS_AT)
#define pthread_cond_broadcast(c) turns_cond_broadcast(c, TURNS_AT)
#define pthread_create(id, attr, fn, arg) turns_create(id, fn, arg, TURNS_AT)
#define pthread_atfork(before, after, child) turns_atfork(child)
#define event_base_loop(base, flags) turns_base_loop(base, flags, TURNS_AT)

/* An _Atomic type is atomic in expressions, too, in the strongest order. */
#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_store_explicit
#undef atomic_fetch_add
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub
#undef atomic_fetch_sub_explicit
#define atomic_load(p) (turns_step("load", TURNS_AT), *(p))
#define atomic_load_explicit(p, order) atomic_load(p)
#define atomic_store(p, v) (turns_step("store", TURNS_AT), (void)(*(p) = (v)))
#define atomic_store_explicit(p, v, order) atomic_store(p, v)
#define atomic_fetch_add(p, n)                                                 \
	(turns_step("add", TURNS_AT), turns_result((*(p) += (n)) - (n)))
#define atomic_fetch_add_explicit(p, n, order) atomic_fetch_add(p, n)
#define atomic_fetch_sub(p, n)                                                 \
	(turns_step("sub", TURNS_AT), turns_result((*(p) -= (n)) + (n)))
#define atomic_fetch_sub_explicit(p, n, order) atomic_fetch_sub(p, n)

/* These have no arguments here, as structs have members of the same name. */
#define read turns_read
#define write turns_write
#define malloc turns_malloc
#define calloc turns_calloc
#define realloc turns_realloc
#define free turns_free
#define clock_gettime turns_clock_gettime
#define pthread_setname_np turns_setname
#ifdef __linux__
#define preadv2 turns_preadv2
#define pwritev2 turns_pwritev2
#endif

#endif
