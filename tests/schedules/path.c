/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decisions, depth first: the last one that has another answer gets it, and all
 * that came after are forgotten.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "schedules/path.h"

#define LONGEST 20000

static struct decision {
	unsigned n, n_free, taken;
	unsigned spent; /* preemptions before it */
} path[LONGEST];
static unsigned at, known, spent, bound;

void path_begin(unsigned preemptions)
{
	bound = preemptions;
	known = 0;
	path_rewind();
}

/* Each is "decision.answer"; where there is none, the answer is 0. */
void path_begin_with(const char *text)
{
	unsigned i, answer;
	int n;

	path_begin(0);
	memset(path, 0, sizeof(path));
	while (sscanf(text, "%u.%u%n", &i, &answer, &n) == 2 && i < LONGEST) {
		path[i].taken = answer;
		known = i + 1;
		text += n;
		text += *text == ',';
	}
}

void path_rewind(void)
{
	at = 0;
	spent = 0;
}

int path_decide(unsigned n, unsigned n_free)
{
	struct decision *d = &path[at];

	if (n == 1)
		return 0;
	if (at == LONGEST)
		return -1;
	if (at >= known) {
		*d = (struct decision){ n, n_free, 0, spent };
		known = at + 1;
	} else if (d->n == 0) {
		*d = (struct decision){ n, n_free, d->taken, spent };
	}
	if (d->n != n || d->n_free != n_free || d->taken >= n)
		return -1;
	at++;
	spent += d->taken >= n_free;
	return (int)d->taken;
}

bool path_next(void)
{
	const struct decision *d;

	for (; known > 0; known--) {
		d = &path[known - 1];
		if (d->taken + 1 < d->n &&
		    (d->taken + 1 < d->n_free || d->spent < bound)) {
			path[known - 1].taken++;
			return true;
		}
	}
	return false;
}

void path_print(FILE *out)
{
	const char *comma = "";

	for (unsigned i = 0; i < known; i++) {
		if (path[i].taken == 0)
			continue;
		fprintf(out, "%s%u.%u", comma, i, path[i].taken);
		comma = ",";
	}
	if (!*comma)
		fputs("0.0", out);
}
