/* SPDX-License-Identifier: BSD-3-Clause */
/* A job: a command whose output is kept until somebody prints it. */
#ifndef SAMPLES_JOB_H
#define SAMPLES_JOB_H

#include <sys/time.h>

struct af_file;
struct af_future;
struct af_loop;
struct job;

/**
 * Starts a command, which leads a process group, with nothing to read.
 *
 * @return the job, or NULL with errno as of af_pipe_spawn()
 */
struct job *job_start(struct af_loop *loop, char *const argv[]);

/**
 * Keeps what it writes, until it has ended and nobody has its output open: the
 * first MiB of a stream in memory, more in a file that nobody else sees.
 *
 * @param timeout after which the job is stopped; NULL: none
 * @return a future that is done when all is over, well or not; job_free() then
 *         and not before
 */
struct af_future *job_collect(struct job *job, const struct timeval *timeout);

/** Has the job stopped, if it is not over yet: its group gets SIGTERM. */
void job_stop(struct job *job);

/**
 * How it went: 0, and job_status() tells; -ETIMEDOUT or -ECANCELED when it had
 * to be stopped; or why its output could not be kept.
 */
int job_error(const struct job *job);

/** Its wait status. */
int job_status(const struct job *job);

/** Writes what it said on its stdout, or its stderr. */
struct af_future *job_print_out(struct job *job, struct af_file *to);
struct af_future *job_print_err(struct job *job, struct af_file *to);

void job_free(struct job *job);

#endif
