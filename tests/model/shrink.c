/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shrinking, by delta debugging: halves, quarters and so on down to single
 * instructions are left out; then operands become 0, or smaller; and again,
 * until nothing more can go. It knows neither the library nor the model.
 */
#include <stdlib.h>
#include <string.h>

#include "model/shrink.h"

struct shrink {
	struct program *program;
	shrink_fails_fn fails;
	void *arg;
	unsigned calls, max_calls;
};

/* Keeps the candidate if it fails, too; it is consumed. */
static bool keep_if_it_fails(struct shrink *shrink, struct program *candidate)
{
	if (shrink->calls >= shrink->max_calls ||
	    (shrink->calls++, !shrink->fails(candidate, shrink->arg))) {
		program_free(candidate);
		return false;
	}
	program_free(shrink->program);
	*shrink->program = *candidate;
	return true;
}

static bool try_without(struct shrink *shrink, size_t at, size_t n)
{
	struct program candidate;

	program_copy(&candidate, shrink->program);
	memmove(candidate.list + at, candidate.list + at + n,
		(candidate.n - at - n) * sizeof *candidate.list);
	candidate.n -= n;
	candidate.seed = 0;
	return keep_if_it_fails(shrink, &candidate);
}

/* From the end on, as what comes later depends on what is before. */
static bool remove_some(struct shrink *shrink)
{
	bool removed = false;

	for (size_t n = (shrink->program->n + 1) / 2; n > 0; n /= 2) {
		for (size_t end = shrink->program->n; end > 0;) {
			size_t at = end > n ? end - n : 0;

			removed |= try_without(shrink, at, end - at);
			end = at;
		}
	}
	return removed;
}

static bool try_operand(struct shrink *shrink, size_t i, unsigned k,
			uint32_t value)
{
	struct program candidate;

	if (shrink->program->list[i].arg[k] <= value)
		return false;
	program_copy(&candidate, shrink->program);
	candidate.list[i].arg[k] = value;
	candidate.seed = 0;
	return keep_if_it_fails(shrink, &candidate);
}

/* Zero, or by halves as small as possible, or by ones. */
static bool lower(struct shrink *shrink, size_t i, unsigned k)
{
	uint32_t *value, before = shrink->program->list[i].arg[k];

	if (before == 0 || try_operand(shrink, i, k, 0))
		return before != 0;
	for (uint32_t step = before / 2; step > 0; step /= 2) {
		do
			value = &shrink->program->list[i].arg[k];
		while (*value > step &&
		       try_operand(shrink, i, k, *value - step));
	}
	return shrink->program->list[i].arg[k] < before;
}

static bool lower_all(struct shrink *shrink)
{
	bool lowered = false;

	for (size_t i = 0; i < shrink->program->n; i++)
		for (unsigned k = 0;
		     k < program_operands(&shrink->program->list[i]); k++)
			lowered |= lower(shrink, i, k);
	return lowered;
}

/* An instruction of a continuation that could as well be done at once. */
static bool flatten(struct shrink *shrink)
{
	bool flattened = false;

	for (size_t i = 0; i < shrink->program->n; i++) {
		struct program candidate;

		if (shrink->program->list[i].body == 0)
			continue;
		program_copy(&candidate, shrink->program);
		candidate.list[i].body = 0;
		candidate.seed = 0;
		flattened |= keep_if_it_fails(shrink, &candidate);
	}
	return flattened;
}

unsigned shrink(struct program *program, shrink_fails_fn fails, void *arg,
		unsigned max_calls)
{
	struct shrink shrink = { program, fails, arg, 0, max_calls };
	bool changed = true;

	while (changed && shrink.calls < max_calls) {
		while (remove_some(&shrink))
			;
		changed = flatten(&shrink);
		changed |= lower_all(&shrink);
	}
	return shrink.calls;
}
