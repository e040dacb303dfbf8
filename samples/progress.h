/* SPDX-License-Identifier: BSD-3-Clause */
/* A progress bar on stderr: bytes, rate and time left. */
#ifndef SAMPLES_PROGRESS_H
#define SAMPLES_PROGRESS_H

#include <stdint.h>

struct af_future;
struct event_base;
struct progress;

/**
 * Starts a bar that is drawn ten times a second while base runs.
 *
 * @param future its af_future_count() is how many bytes are done
 * @param total  the number of bytes; 0: unknown, and neither the bar nor the
 *               time left is shown
 * @return the bar; NULL if stderr is not a terminal or memory ran out.
 *         progress_free() accepts NULL.
 */
struct progress *progress_new(struct event_base *base, struct af_future *future,
			      uint64_t total);

/** Removes the bar from the terminal. Call it before base is freed. */
void progress_free(struct progress *progress);

#endif
