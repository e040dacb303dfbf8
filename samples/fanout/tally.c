/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tally: a line on stderr that is drawn again in place. Knows nothing of
 * jobs.
 */
#include <stdio.h>
#include <unistd.h>

#include "tally.h"

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

void tally_init(struct tally *tally, bool shown, bool colour)
{
	*tally = (struct tally){
		.is_shown = shown,
		.colour = colour,
		.start = now(),
	};
}

void tally_clear(const struct tally *tally)
{
	if (tally->is_shown)
		fputs("\r\033[K", stderr);
}

void tally_draw(const struct tally *tally, uint64_t total)
{
	bool red = tally->colour && tally->failed > 0;
	uint64_t left;

	if (!tally->is_shown)
		return;
	tally_clear(tally);
	fprintf(stderr, "%zu done, %zu running, %s%zu failed%s", tally->done,
		tally->running, red ? "\033[31m" : "", tally->failed,
		red ? "\033[m" : "");
	if (tally->bytes == 0 || total < tally->bytes)
		return;
	left = (uint64_t)((double)(now() - tally->start) *
			  (double)(total - tally->bytes) /
			  (double)tally->bytes);
	fprintf(stderr, ", %d:%02d:%02d left", (int)(left / 3600),
		(int)(left / 60 % 60), (int)(left % 60));
}
