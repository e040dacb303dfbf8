/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One run: an act is played in a process of its own, with the faults that are
 * planned, and what it leaves behind is counted.
 */
#ifndef TESTS_FAULTS_RUN_H
#define TESTS_FAULTS_RUN_H

#include "acts/acts.h"
#include "faults/layer.h"

/* Before the first run; argv0 is that of main(). */
void run_prepare(const char *argv0);

/*
 * Whether all went as it should; else faults->failure says what did not. The
 * calls that were made are in faults->entries.
 */
bool run_act(const struct act *act, const struct faults_plan *plans,
	     unsigned n_plans);

#endif
