/* SPDX-License-Identifier: BSD-3-Clause */
/* A step: a job that Slurm runs inside an allocation. */
#ifndef FANOUT_STEP_H
#define FANOUT_STEP_H

#include <stdbool.h>
#include <stddef.h>

struct af_file;
struct af_future;
struct af_loop;
struct stream;

/** Whether this process is inside an allocation. */
bool step_is_possible(void);

/** Returns how many processors the allocation has; 0: unknown. */
size_t step_processors(void);

/**
 * Makes the argv with which srun(1) runs the words. The words in it are not
 * copies; free only the array.
 *
 * @param options more options for srun
 */
char **step_command(char *const options[], char *const words[]);

/**
 * Reads the line that a step writes to its stderr first, with its identifier.
 *
 * @param ret_name set to a text "JOB.STEP@NODE", which the caller must free,
 *                 before the future is done; NULL if the step has not begun
 */
struct af_future *step_read(struct af_file *err, char **ret_name);

/**
 * Sends a signal to everything in a step, by scancel(1).
 *
 * @param name from step_read()
 */
struct af_future *step_signal(struct af_loop *loop, const char *name,
			      const char *signal);

/** Whether srun(1) says on the stderr that the node has failed. */
bool step_node_failed(const struct stream *err);

#endif
