/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals that stop a run, and the timer of its tally. */
#ifndef FANOUT_SIGNALS_H
#define FANOUT_SIGNALS_H

struct run;
struct signals;

/** NULL if memory ran out. */
struct signals *signals_new(struct run *run);

/** NULL is fine. */
void signals_free(struct signals *signals);

#endif
