/* SPDX-License-Identifier: BSD-3-Clause */
/* A job as a line of JSON. */
#ifndef FANOUT_JSON_H
#define FANOUT_JSON_H

struct af_file;
struct af_future;
struct job;
struct report;

/**
 * Writes an object with what the report says, and with the job's output.
 *
 * @param job NULL: it did not start
 */
struct af_future *json_print(const struct report *report, struct job *job,
			     struct af_file *to);

#endif
