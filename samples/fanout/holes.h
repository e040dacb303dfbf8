/* SPDX-License-Identifier: BSD-3-Clause */
/* The holes of a command: {} and its siblings. */
#ifndef FANOUT_HOLES_H
#define FANOUT_HOLES_H

#include <stdio.h>

struct filling;

/** A kind of hole. */
struct hole {
	const char *name;
	void (*print)(FILE *out, const struct filling *filling);
};

/** Finds the first hole in text. Returns its place, or NULL. */
const char *hole_find(const char *text, const struct hole **ret_hole);

#endif
