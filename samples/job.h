/* SPDX-License-Identifier: BSD-3-Clause */
/* A job: a command whose output is kept until it is printed. */
#ifndef SAMPLES_JOB_H
#define SAMPLES_JOB_H

#include <sys/time.h>

struct af_file;
struct af_future;
struct af_loop;
struct job;

/**
 * Starts a command in a process group of its own, with an empty stdin.
 *
 * @return the job; or NULL with errno, as af_pipe_spawn()
 */
struct job *job_start(struct af_loop *loop, char *const argv[]);

/**
 * Collects the output, until the job has exited and no process has its output
 * open: the first MiB of each stream in memory, the rest in a file without a
 * name.
 *
 * @param timeout after which the job is stopped; NULL: none
 * @return a future that is done when the job is over, whether or not it
 *         succeeded; do not call job_free() before that
 */
struct af_future *job_collect(struct job *job, const struct timeval *timeout);

/** Stops the job, if it is not over yet: sends SIGTERM to its group. */
void job_stop(struct job *job);

/**
 * Returns 0 if the job ended by itself, see job_status(); -ETIMEDOUT or
 * -ECANCELED if it was stopped; or the error of keeping its output.
 */
int job_error(const struct job *job);

/** Returns the wait status. */
int job_status(const struct job *job);

/** Writes the output of its stdout, or of its stderr, to a file. */
struct af_future *job_print_out(struct job *job, struct af_file *to);
struct af_future *job_print_err(struct job *job, struct af_file *to);

void job_free(struct job *job);

#endif
