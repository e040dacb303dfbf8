/* SPDX-License-Identifier: BSD-3-Clause */
/* The job log: a file with a line for each job, as GNU parallel writes it. */
#ifndef FANOUT_JOBLOG_H
#define FANOUT_JOBLOG_H

#include <stdbool.h>
#include <stddef.h>

struct af_future;
struct af_loop;
struct joblog;
struct report;

/**
 * Opens the log.
 *
 * @param keep  whether to read and keep what is there; else it is truncated
 * @return the log; NULL after a complaint
 */
struct joblog *joblog_open(struct af_loop *loop, const char *path, bool keep);

/** Whether the log had the job; with succeeded, as one that succeeded. */
bool joblog_has(const struct joblog *log, size_t number, bool succeeded);

/** Appends a line. */
struct af_future *joblog_write(struct joblog *log, struct af_loop *loop,
			       const struct report *report);

/** NULL is fine. */
void joblog_close(struct joblog *log);

#endif
