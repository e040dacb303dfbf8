/* SPDX-License-Identifier: BSD-3-Clause */
#include "soaking/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "soaking/soak.h"

/*
 * What the line may rise by, in bytes. At a quiet point the heap holds pools of
 * the library, tables of libevent, what threads that are about to end have, and
 * the program's own lists. From one quiet point to the next these were seen to
 * go up and down by 220 KB, in whatever order, so a line through a few of them
 * may rise by as much. A leak grows with the number of operations: one of 64
 * bytes in each 1,000 exceeds the bound within 4.1 million operations.
 */
#define BOUND 262144
/* Before so many seconds, pools and tables still grow to their sizes. */
#define LEAST_SECONDS 60

struct sample {
	double at;
	double heap;
};

static struct sample *samples;
static size_t n_samples, room;

void memory_sample(double seconds, size_t heap)
{
	if (n_samples == room) {
		/* At once, so that the list does not count as growth. */
		if (room)
			return;
		room = 100000;
		samples = soak_alloc(room * sizeof *samples);
	}
	samples[n_samples++] = (struct sample){ seconds, (double)heap };
}

/* The slope of the straight line, by least squares. */
static double memory_slope(const struct sample *s, size_t n)
{
	double at = 0, heap = 0, up = 0, down = 0;

	for (size_t i = 0; i < n; i++) {
		at += s[i].at / (double)n;
		heap += s[i].heap / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		up += (s[i].at - at) * (s[i].heap - heap);
		down += (s[i].at - at) * (s[i].at - at);
	}
	return down > 0 ? up / down : 0;
}

bool memory_is_flat(void)
{
	size_t first = n_samples / 3, n = n_samples - first;
	const struct sample *s = samples + first;
	double rise, least, most;

	if (n_samples < 3 || samples[n_samples - 1].at < LEAST_SECONDS) {
		printf("memory: %zu quiet points in less than %d s say "
		       "nothing\n",
		       n_samples, LEAST_SECONDS);
		return true;
	}
	rise = memory_slope(s, n) * (s[n - 1].at - s[0].at);
	least = most = s[0].heap;
	for (size_t i = 1; i < n; i++) {
		least = s[i].heap < least ? s[i].heap : least;
		most = s[i].heap > most ? s[i].heap : most;
	}
	printf("memory: %zu quiet points in the last two thirds, %.0f to %.0f "
	       "bytes in use, rise %+.0f, bound %d\n",
	       n, least, most, rise, BOUND);
	return rise <= BOUND;
}
