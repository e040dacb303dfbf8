/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by ours.c and costs.c, which are one program with one loop.
 */
#ifndef BENCH_OURS_H
#define BENCH_OURS_H

#include <event2/event.h>

#include <asyncfile.h>

#include "bench.h"

extern _Thread_local struct af_loop *loop;

/* Exits with a message if r is a negative errno. */
void check(int r, const char *what);
/* Starts a child whose stdout is a pipe. */
struct af_process *spawn(char **argv, enum af_stdio_kind in);
/* Plays ping-pong with size bytes, n times. Returns the seconds. */
double play(size_t n, size_t size);
/* Makes files with a pending read each. */
void read_silent(size_t files);

/* costs.c */
double future_resolve(size_t n, size_t batch);
double future_then(size_t n, size_t batch);
double future_await(size_t n, size_t size);
double growth_idle(size_t n, size_t files);
double growth_queue(size_t n, size_t depth);

#endif
