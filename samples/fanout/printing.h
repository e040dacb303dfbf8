/* SPDX-License-Identifier: BSD-3-Clause */
/* Printing a task: its output, and its line in the job log. */
#ifndef FANOUT_PRINTING_H
#define FANOUT_PRINTING_H

struct af_future;
struct task;

/** Prints what the job wrote, or what the plan wants in its place. */
struct af_future *printing_output(struct task *task);

/** Writes the line in the job log, unless the job must run again. */
struct af_future *printing_log(struct task *task);

#endif
