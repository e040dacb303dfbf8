/* SPDX-License-Identifier: BSD-3-Clause */
/* The runner: runs a command for each line of stdin, several at a time. */
#ifndef SAMPLES_RUNNER_H
#define SAMPLES_RUNNER_H

#include <stddef.h>
#include <sys/time.h>

/** What to run, and how. */
struct plan {
	char **command;		/* ends with NULL; see words_fill() */
	size_t jobs;		/* at a time, on each host */
	struct timeval timeout; /* of a job; 0: none */
	char **hosts;
	size_t n_hosts; /* 0: this host */
	char *ssh;	/* the command, which is split in place */
};

/**
 * Runs a command for each line of stdin.
 *
 * @param ret_signal set to the signal that ended the run, which the caller
 *                   should then raise; or to 0
 * @return the exit status, as xargs has it
 */
int runner_run(const struct plan *plan, int *ret_signal);

#endif
