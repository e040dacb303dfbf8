/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A series: the runs of one act, each with other faults.
 */
#ifndef TESTS_FAULTS_SERIES_H
#define TESTS_FAULTS_SERIES_H

#include "acts/acts.h"

#define SERIES_ALL (~0ul)

struct series_options {
	bool all;	     /* each call, not each place that calls */
	unsigned long pairs; /* how many; or SERIES_ALL */
	unsigned long seed;
	bool verbose;
};

struct series_totals {
	unsigned long runs, injected, skipped, failures;
};

void series_play(const struct act *act, const struct series_options *options,
		 struct series_totals *totals);

/* Places that call, and those where a fault was injected. */
unsigned series_sites(unsigned *ret_hit);

/* Prints each of the latter as an offset in the program. */
void series_print_sites(void);

#endif
