/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A loop for fuzz targets, which is made once: a new one for each input would
 * take most of the time.
 */
#ifndef TESTS_FUZZ_LOOP_H
#define TESTS_FUZZ_LOOP_H

#include <signal.h>

#include <event2/event.h>

#include <asyncfile.h>

#include "fuzz/input.h"

static const struct timeval at_once;

static struct event_base *base;
static struct af_loop *loop;

static inline void turn(void)
{
	must(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

/* What the loop keeps is there before descriptors are counted. */
static inline void need_loop(void)
{
	struct af_future *f;

	if (loop)
		return;
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	loop = af_loop_new(base);
	must(loop);
	f = af_sleep(loop, &at_once);
	must(af_await(f) == 0);
	af_future_unref(f);
	turn();
}

/* A millisecond of the loop, also if nothing else would keep it running. */
static inline void turn_a_while(void)
{
	const struct timeval pause = { .tv_usec = 1000 };
	struct af_future *f = af_sleep(loop, &pause);

	must(af_await(f) == 0);
	af_future_unref(f);
}

/* Waits for a future that ends soon, whatever the input is. */
static inline int await_soon(struct af_future *f)
{
	static const struct timeval patience = { .tv_sec = 50 };
	int r = af_await_for(f, &patience);

	must(af_future_is_done(f) && r == af_future_error(f));
	return r;
}

#endif
