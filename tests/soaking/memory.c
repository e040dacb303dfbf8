/* SPDX-License-Identifier: BSD-3-Clause */
#include "soaking/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "soaking/soak.h"

/*
 * What the line may rise by, in bytes. At a quiet point the heap holds pools of
 * the library, with up to 8 chunks of 68 KiB, tables of libevent and the
 * program's own lists. These go up and down, in whatever order, so a line
 * through a few points may rise by as much. This is for what grows until its
 * loop is freed; what stays even then, the other bound is for.
 */
#define BOUND 600000
/*
 * What may be in use in the end that was not before. Blocks of malloc have up to
 * 16 bytes more than was asked for, and the libraries may have allocated
 * something of their own since the first second: up to 9 KB were seen.
 */
#define FREED_BOUND 16384
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

void memory_forget(void)
{
	n_samples = 0;
}

bool memory_is_freed(size_t first, size_t last)
{
	printf("heap: %zu bytes at the start, %zu at the end, bound +%d\n",
	       first, last, FREED_BOUND);
	return last <= first + FREED_BOUND;
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
