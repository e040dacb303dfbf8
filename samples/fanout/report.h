/* SPDX-License-Identifier: BSD-3-Clause */
/* The report of a job, for the job log and for JSON. */
#ifndef FANOUT_REPORT_H
#define FANOUT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report {
	size_t number;
	const char *host;
	const char *item;
	char *const *argv;
	double start, runtime;	 /* in seconds; start since 1970 */
	uint64_t sent, received; /* bytes */
	int exit;		 /* -1: it was stopped */
	int signal;		 /* 0: none */
	const char *error;	 /* why it did not start or end; or NULL */
};

#endif
