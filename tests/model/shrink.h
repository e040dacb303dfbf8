/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a program that fails as short as it can be.
 */
#ifndef TESTS_MODEL_SHRINK_H
#define TESTS_MODEL_SHRINK_H

#include <stdbool.h>

#include "model/program.h"

/* Whether a program fails in the way in question. */
typedef bool (*shrink_fails_fn)(const struct program *program, void *arg);

/*
 * Removes instructions, and makes operands smaller, as long as the program
 * fails. Calls fails at most max_calls times; returns how often it did.
 */
unsigned shrink(struct program *program, shrink_fails_fn fails, void *arg,
		unsigned max_calls);

#endif
