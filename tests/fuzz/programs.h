/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the two files of the fuzz target programs share: the program, its loop
 * and its futures; and the instructions of its streams.
 */
#ifndef TESTS_FUZZ_PROGRAMS_H
#define TESTS_FUZZ_PROGRAMS_H

#include "fuzz/input.h"

#include <event2/event.h>

#include <asyncfile.h>

extern struct af_loop *loop;
extern struct input *program;

/* One more instruction, from a function that the library has called. */
void act_inside(void);
/* None, a short one or a zero one. */
const struct timeval *pick_time(void);
/* The future is the program's from here on. */
void keep(struct af_future *f);

/* No stream is open. */
void streams_begin(void);
/* Closes those that are. */
void streams_end(void);
void new_stream(void);
void read_one(void);
void write_one(void);
void use_file(void);
void close_one(void);

#endif
