/* SPDX-License-Identifier: BSD-3-Clause */
/* Halting: whether enough jobs have ended to start no more. */
#ifndef FANOUT_HALT_H
#define FANOUT_HALT_H

#include <stdbool.h>

struct halt_rule;
struct tally;

/**
 * Parses "never", or "WHEN,WHAT=N" with soon or now, and fail, success or done.
 * Returns whether text is one of these.
 */
bool halt_parse(const char *text, struct halt_rule *ret_rule);

/** Whether the counts have reached the rule. */
bool halt_is_due(const struct halt_rule *rule, const struct tally *tally);

/**
 * Returns the exit status of the whole after that; -1: the number of failed
 * jobs.
 *
 * @param last that of the job that decided
 */
int halt_status(const struct halt_rule *rule, int last);

#endif
