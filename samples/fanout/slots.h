/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots: small numbers, from 1, of the jobs that run at the same time. */
#ifndef FANOUT_SLOTS_H
#define FANOUT_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

/** Zero it first. */
struct slots {
	bool *taken;
	size_t n;
	size_t lowest; /* none below is free */
};

/** Takes the lowest free slot. 0 if memory ran out. */
size_t slots_take(struct slots *slots);

void slots_release(struct slots *slots, size_t slot);

void slots_clear(struct slots *slots);

#endif
