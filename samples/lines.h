/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of stdin, each of them for an argument, and their total size. */
#ifndef SAMPLES_LINES_H
#define SAMPLES_LINES_H

#include <stddef.h>
#include <stdint.h>

struct af_future;
struct af_loop;
struct lines;

/** NULL after a complaint. */
struct lines *lines_open(struct af_loop *loop);

/** Reads the next line. Pass the future to lines_take() when it is done. */
struct af_future *lines_next(struct lines *lines);

/**
 * Takes the line that was read. Call it once for each future.
 *
 * @param ret_len set to the length with the newline, which the last line may
 *                lack; 0: the input has ended
 * @return the line; NULL after a complaint, if it could not be read or cannot
 *         be an argument
 */
const char *lines_take(struct lines *lines, const struct af_future *line,
		       size_t *ret_len);

/**
 * Returns the size of the whole input in bytes; 0: unknown. It is known if the
 * input is a file, or all of it has arrived and less than 1 MiB is unread.
 */
uint64_t lines_total(struct lines *lines);

/** NULL is fine. */
void lines_close(struct lines *lines);

#endif
