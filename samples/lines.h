/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of stdin, each to be an argument, and how much there is of them. */
#ifndef SAMPLES_LINES_H
#define SAMPLES_LINES_H

#include <stddef.h>
#include <stdint.h>

struct af_future;
struct af_loop;
struct lines;

/** NULL after a complaint. */
struct lines *lines_open(struct af_loop *loop);

/** Reads the next one: a future for lines_take(). */
struct af_future *lines_next(struct lines *lines);

/**
 * What was read. To be called once for each.
 *
 * @param ret_len with its newline, which the last may lack; 0: there is no more
 * @return the line; NULL after a complaint, if it cannot be read, or cannot be
 *         an argument
 */
const char *lines_take(struct lines *lines, const struct af_future *line,
		       size_t *ret_len);

/**
 * How many bytes there are in all; 0: that is not known. It is of a file, and
 * when the end is there and less than 1 MiB ahead, for which this looks.
 */
uint64_t lines_total(struct lines *lines);

/** NULL is fine. */
void lines_close(struct lines *lines);

#endif
