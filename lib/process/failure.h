/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What failed when a child could not be started: the step, what it was about,
 * and the error; as text for af_spawn_error().
 */
#ifndef AFI_PROCESS_FAILURE_H
#define AFI_PROCESS_FAILURE_H

#include <limits.h>
#include <stddef.h>

#include <asyncfile/process.h>

#include "loop/loop.h"

/* A step that is about no number. */
#define AFI_NO_NUMBER LONG_MIN

/* Of pointers to what outlives it, so that a child by fork(2) can send it. */
struct afi_failure {
	enum af_spawn_step step;
	const char *name; /* what it was about; NULL: see number */
	long number;
	int error; /* as in errno; 0: nothing failed */
};

/* Both fill it in and return -error. */
static inline int afi_fail(struct afi_failure *failure, enum af_spawn_step step,
			   const char *name, int error)
{
	*failure = (struct afi_failure){ step, name, AFI_NO_NUMBER, error };
	return -error;
}

static inline int afi_fail_number(struct afi_failure *failure,
				  enum af_spawn_step step, long number,
				  int error)
{
	*failure = (struct afi_failure){ step, NULL, number, error };
	return -error;
}

/* The loop's text is now of this, or (NULL) of none. Before the loop is freed. */
void afi_failure_keep(struct af_loop *loop, const struct afi_failure *failure);
/* The loop's text is now an error (NULL: none), of a stage of a pipeline. */
void afi_failure_in_stage(struct af_loop *loop, size_t stage,
			  const struct afi_spawn_error *error);
/*
 * A copy of the loop's, for the spawn_error of a future; free(3) frees it. NULL:
 * there is none, or no memory.
 */
struct afi_spawn_error *afi_failure_copy(const struct af_loop *loop);
/* That of a future which is done; NULL: it has none. */
const struct afi_spawn_error *afi_failure_of(const struct af_future *f);

#endif
