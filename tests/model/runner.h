/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs programs in a child, which may fail, crash or hang.
 */
#ifndef TESTS_MODEL_RUNNER_H
#define TESTS_MODEL_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/program.h"

/* How long one program may take, in seconds. */
#define RUNNER_LIMIT 60

struct failure {
	int status;	  /* of the child, as from waitpid(2) */
	char place[200];  /* what failed there, where it is known */
	char detail[200]; /* with what numbers */
	uint64_t seed;	  /* of the program */
};

/* Whether the program fails. */
bool runner_run(const struct program *program, unsigned limit,
		struct failure *ret_failure);

/*
 * Runs the programs of n seeds in one child, and adds to the number of
 * operations. Whether one of them fails.
 */
bool runner_run_seeds(uint64_t first, unsigned n, unsigned long *operations,
		      struct failure *ret_failure);

/* Whether a program has failed in the same way as another one. */
bool runner_is_same(const struct failure *a, const struct failure *b);

void runner_describe(const struct failure *failure, char *text, size_t size);

#endif
