/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fairness: a long series of items of work is interrupted after a millisecond,
 * to poll the base. The clock is read once for each batch of items, whose size
 * depends on the pace of the batch before. Knows neither the loop nor the work.
 */
#ifndef AFI_LOOP_PACE_H
#define AFI_LOOP_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The work between two polls. The state is in a page of its own, which is
 * zeroed in a child of fork(2): so the byte that ends a turn also stops all
 * work there.
 */
enum afi_turn_state { AFI_TURN_ELSEWHERE, AFI_TURN_ON, AFI_TURN_OVER };
struct afi_turn {
	int64_t began; /* 0: the clock was not read yet */
	char *state;   /* enum afi_turn_state */
	char last;     /* the state, once that page is unmapped */
};

/* Maps the page, 0 or -ENOMEM; unmaps it, if it is mapped. */
int afi_turn_open(struct afi_turn *turn);
void afi_turn_close(struct afi_turn *turn);

static inline void afi_turn_begin(struct afi_turn *turn)
{
	turn->began = 0;
	if (*turn->state != AFI_TURN_ELSEWHERE)
		*turn->state = AFI_TURN_ON;
}

/* How fast one kind of work goes. */
struct afi_pace {
	int64_t looked; /* when the clock was read */
	unsigned batch; /* items from then until it is read again */
};

/* Whether it is time to poll. */
bool afi_turn_look(struct afi_turn *turn);
/* Work begins: the size of the first batch; 0: time to poll. */
unsigned afi_pace_begin(struct afi_pace *pace, struct afi_turn *turn);
/* A batch is done: the size of the next one, at most max; 0: time to poll. */
unsigned afi_pace_next(struct afi_pace *pace, struct afi_turn *turn,
		       unsigned max);

#endif
