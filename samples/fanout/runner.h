/* SPDX-License-Identifier: BSD-3-Clause */
/* The runner: runs a command for each item, several at a time. */
#ifndef FANOUT_RUNNER_H
#define FANOUT_RUNNER_H

struct plan;

/**
 * Runs the plan.
 *
 * @param ret_signal set to the signal that ended the run, which the caller
 *                   should then raise; or to 0
 * @return the exit status
 */
int runner_run(const struct plan *plan, int *ret_signal);

#endif
