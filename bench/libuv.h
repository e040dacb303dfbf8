/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by uv.c and uv_more.c, which are one program.
 */
#ifndef BENCH_LIBUV_H
#define BENCH_LIBUV_H

#include <uv.h>

#include "bench.h"

extern _Thread_local uv_loop_t *loop;

/* Exits with a message if r is an error. */
void check(int r, const char *what);

#endif
