/* SPDX-License-Identifier: BSD-3-Clause */
/* The tally: how many jobs are done, running and failed, on a terminal. */
#ifndef SAMPLES_TALLY_H
#define SAMPLES_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/** The caller counts. */
struct tally {
	size_t done, running, failed;
	uint64_t bytes; /* of the input, which the jobs done were for */
	bool is_shown;	/* stderr is a terminal */
	time_t start;
};

/** Begins to count, now. */
void tally_init(struct tally *tally);

/**
 * Draws the line, in the place of the one before.
 *
 * @param total the bytes of the whole input, for the time left; 0: nobody knows
 */
void tally_draw(const struct tally *tally, uint64_t total);

/** Removes the line, to print something else. */
void tally_clear(const struct tally *tally);

#endif
