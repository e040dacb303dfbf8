/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots. The array grows to the largest number of jobs at a time. */
#include <stdlib.h>
#include <string.h>

#include "slots.h"

static bool grow(struct slots *slots)
{
	size_t n = slots->n ? 2 * slots->n : 16;
	bool *taken = realloc(slots->taken, n * sizeof(*taken));

	if (!taken)
		return false;
	memset(taken + slots->n, 0, (n - slots->n) * sizeof(*taken));
	slots->taken = taken;
	slots->n = n;
	return true;
}

size_t slots_take(struct slots *slots)
{
	while (slots->lowest < slots->n && slots->taken[slots->lowest])
		slots->lowest++;
	if (slots->lowest == slots->n && !grow(slots))
		return 0;
	slots->taken[slots->lowest] = true;
	return ++slots->lowest;
}

void slots_release(struct slots *slots, size_t slot)
{
	if (slot == 0)
		return;
	slots->taken[--slot] = false;
	if (slot < slots->lowest)
		slots->lowest = slot;
}

void slots_clear(struct slots *slots)
{
	free(slots->taken);
}
