/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of a turn, with the process whose it is.
 */
#include "config.h"

#include <unistd.h>

#include "loop/pace.h"

int afi_turn_open(struct afi_turn *turn)
{
	turn->pid = getpid();
	turn->last = AFI_TURN_ON;
	turn->state = &turn->last;
	return 0;
}

void afi_turn_close(struct afi_turn *turn)
{
	turn->pid = 0;
	turn->last = AFI_TURN_ON;
	turn->state = &turn->last;
}

char afi_turn_state(const struct afi_turn *turn)
{
	if (turn->pid && turn->pid != getpid())
		*turn->state = AFI_TURN_ELSEWHERE;
	return *turn->state;
}
