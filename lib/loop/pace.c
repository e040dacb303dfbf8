/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fairness by the clock: how long work may go on, and how often to check that.
 */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loop/deadline.h"
#include "loop/pace.h"

#define TURN_NSEC 1000000
/* So long a batch may last, by the pace of the one before. */
#define BATCH_NSEC 100000

int afi_turn_open(struct afi_turn *turn)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -ENOMEM;
	/* Where this fails, a child cannot tell that it is one. */
	madvise(page, size, MADV_WIPEONFORK);
	*page = AFI_TURN_ON;
	turn->state = page;
	return 0;
}

void afi_turn_close(struct afi_turn *turn)
{
	if (turn->state && turn->state != &turn->last)
		munmap(turn->state, (size_t)sysconf(_SC_PAGESIZE));
	turn->last = AFI_TURN_ON;
	turn->state = &turn->last;
}

static bool pace_is_over(struct afi_turn *turn, int64_t now)
{
	if (turn->began == 0)
		turn->began = now;
	if (now - turn->began >= TURN_NSEC && *turn->state == AFI_TURN_ON)
		*turn->state = AFI_TURN_OVER;
	return *turn->state != AFI_TURN_ON;
}

bool afi_turn_look(struct afi_turn *turn)
{
	return pace_is_over(turn, afi_now());
}

unsigned afi_pace_begin(struct afi_pace *pace, struct afi_turn *turn)
{
	pace->looked = afi_now();
	if (pace->batch == 0)
		pace->batch = 1;
	return pace_is_over(turn, pace->looked) ? 0 : pace->batch;
}

unsigned afi_pace_next(struct afi_pace *pace, struct afi_turn *turn,
		       unsigned max)
{
	int64_t now = afi_now();
	int64_t each = (now - pace->looked) / pace->batch + 1;

	pace->looked = now;
	if (each > BATCH_NSEC)
		pace->batch = 1;
	else if (BATCH_NSEC / each < max)
		pace->batch = (unsigned)(BATCH_NSEC / each);
	else
		pace->batch = max;
	return pace_is_over(turn, now) ? 0 : pace->batch;
}
