/* SPDX-License-Identifier: BSD-3-Clause */
/* The runner: a command for each line of stdin, several at a time. */
#ifndef SAMPLES_RUNNER_H
#define SAMPLES_RUNNER_H

#include <stddef.h>
#include <sys/time.h>

/** What is to be run, and how. */
struct plan {
	char **command;		/* and a NULL; see words_fill() */
	size_t jobs;		/* at a time, on each host */
	struct timeval timeout; /* of a job; 0: none */
	char **hosts;
	size_t n_hosts; /* 0: here */
	char *ssh;	/* its words, which are taken apart */
};

/**
 * Runs it all.
 *
 * @param ret_signal set to the signal that ended it, for the caller to die of,
 *                   or to 0
 * @return the exit status, as of xargs
 */
int runner_run(const struct plan *plan, int *ret_signal);

#endif
