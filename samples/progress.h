/* SPDX-License-Identifier: BSD-3-Clause */
/* A progress bar on stderr: bytes, rate and time left. */
#ifndef SAMPLES_PROGRESS_H
#define SAMPLES_PROGRESS_H

#include <stdint.h>

struct event_base;
struct progress;

/**
 * Starts a bar that is drawn ten times a second while base runs.
 *
 * @param total bytes to come; 0: nobody knows, and no bar and no time left are
 *              shown
 * @return NULL if stderr is no terminal or memory ran out; that is fine for the
 *         functions below
 */
struct progress *progress_new(struct event_base *base, uint64_t total);

/** More bytes are through. */
void progress_add(struct progress *progress, uint64_t bytes);

/** Removes the bar from the terminal. Before base is freed. */
void progress_free(struct progress *progress);

#endif
