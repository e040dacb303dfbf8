/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of Slurm for arrays: sbatch(1), squeue(1), scancel(1). */
#ifndef FANOUT_SBATCH_H
#define FANOUT_SBATCH_H

#include <stddef.h>

struct af_future;
struct af_loop;
struct af_output;

/** Splits more options for sbatch, in place, as words_split() does. */
char **sbatch_options(char *text);

/**
 * Submits the script in the folder as an array of n jobs, which is named after
 * the folder, and waits for its end. An af_run(); it printed something if the
 * array was submitted.
 *
 * @param limit how many may run at a time; 0: no limit
 */
struct af_future *sbatch_run(struct af_loop *loop, char *const options[],
			     const char *folder, size_t n, size_t limit);

/** Returns why it was not submitted: what sbatch said, in one line. */
const char *sbatch_reason(const struct af_output *output);

/** Asks for the states of an array's jobs. */
struct af_future *sbatch_states(struct af_loop *loop, const char *folder);

/**
 * Returns what happened to a job that did not end by itself: -EHOSTDOWN: its
 * node has failed; -ETIMEDOUT: its time was over; 0: it was killed.
 *
 * @param states of sbatch_states(), or NULL
 */
int sbatch_error(const struct af_future *states, size_t index);

/** Cancels the array. */
struct af_future *sbatch_cancel(struct af_loop *loop, const char *folder);

#endif
