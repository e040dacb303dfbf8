/* SPDX-License-Identifier: BSD-3-Clause */
/* The outcome of a task: what became of its job. */
#ifndef FANOUT_OUTCOME_H
#define FANOUT_OUTCOME_H

#include <stdbool.h>
#include <time.h>

struct report;
struct task;

/** Whether it did not start, or did not end with exit status 0 by itself. */
bool outcome_failed(const struct task *task);

/** Whether the run stopped it: then it has neither failed nor succeeded. */
bool outcome_was_stopped(const struct task *task);

/** Whether it failed because something is wrong with this program's means. */
bool outcome_is_fatal(const struct task *task);

/** Whether the error is one of means that other jobs may free. */
bool outcome_is_shortage(int error);

/** Returns the exit status, as a shell has it. */
int outcome_exit(const struct task *task);

/** Prints why it failed, unless only the job can know. */
void outcome_complain(const struct task *task);

/** Fills in the report, whose texts belong to the task. */
void outcome_report(const struct task *task, struct report *report);

double outcome_seconds_since(const struct timespec *start);

#endif
