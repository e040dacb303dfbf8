/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests of how waits end: a stage with two files to wait for, and
 * a record of what happened.
 */
#ifndef TESTS_WAITS_H
#define TESTS_WAITS_H

#include <string.h>
#include <unistd.h>

#include "support/contexts.h"

static struct stage stage;
static struct af_file *file, *other;
static int file_out, other_out;

/* What happened, in order. */
static char story[200];

static inline void tell(const char *word)
{
	strcat(story, word);
}

static inline void open_stage(int context)
{
	stage_open(&stage, (enum context)context);
	file = stage_file(&stage, KIND_PIPE, &file_out);
	other = stage_file(&stage, KIND_PIPE, &other_out);
}

static inline void close_stage(void)
{
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(af_file_close(other), 0);
	close(file_out);
	close(other_out);
	stage_close(&stage);
}

static inline struct af_future *read_one(struct af_file *from)
{
	return af_file_read(from, 1, 0, NULL);
}

static inline struct af_future *nap(int ms)
{
	return af_sleep(stage.loop, MS(ms));
}

#endif
