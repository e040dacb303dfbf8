/* SPDX-License-Identifier: BSD-3-Clause */
/* The tally: how many jobs are done, running and failed, on a terminal. */
#ifndef FANOUT_TALLY_H
#define FANOUT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/** The caller updates the counts. */
struct tally {
	size_t done, running, failed;
	uint64_t bytes; /* of input for the jobs that are done */
	bool is_shown, colour;
	time_t start;
};

/** Sets the counts to zero, and start to now. */
void tally_init(struct tally *tally, bool shown, bool colour);

/**
 * Draws the line over the previous one.
 *
 * @param total the bytes of the whole input, for the time left; 0: unknown
 */
void tally_draw(const struct tally *tally, uint64_t total);

/** Removes the line. Call it before printing anything else. */
void tally_clear(const struct tally *tally);

#endif
