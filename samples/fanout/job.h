/* SPDX-License-Identifier: BSD-3-Clause */
/* A job: a command whose output is kept until it is printed. */
#ifndef FANOUT_JOB_H
#define FANOUT_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

#include "filter.h"

struct af_file;
struct af_future;
struct af_loop;
struct block;
struct job;

/** How a job ended. */
struct job_end {
	/**
	 * 0: by itself; -ETIMEDOUT or -ECANCELED: it was stopped; -EHOSTDOWN:
	 * its node has failed; or why its output could not be kept.
	 */
	int error;
	int status; /* its wait status; -1: unknown */
};

/**
 * Starts a command in a process group of its own.
 *
 * @param block  the stdin, which must stay; NULL: nothing
 * @return the job; or NULL with errno, as af_pipe_spawn()
 */
struct job *job_start(struct af_loop *loop, char *const argv[],
		      const struct block *block);

/** Keeps all of stdout and of stderr in these files, which the job closes. */
void job_set_files(struct job *job, struct af_file *out, struct af_file *err);

/** The job is a step: srun(1) was started, see step.h. */
void job_set_step(struct job *job);

/** Returns where Slurm runs it, as "JOB.STEP@NODE"; NULL: unknown. */
const char *job_place(const struct job *job);

/**
 * Feeds the job and collects its output, until it has exited and no process has
 * its output open.
 *
 * @param timeout after which the job is stopped; NULL: none
 * @param grace   from SIGTERM to SIGKILL when it is stopped
 * @return a future that is done when the job is over, whether or not it
 *         succeeded; do not call job_free() before that
 */
struct af_future *job_collect(struct job *job, const struct timeval *timeout,
			      const struct timeval *grace);

/**
 * Makes a job that is over: it ran elsewhere, and left its output in files.
 *
 * @param out, err these files, which the job closes; may be NULL
 * @param place    see job_place()
 */
struct job *job_from_files(struct af_loop *loop, struct af_file *out,
			   struct af_file *err, const char *place);

/** Collects the output of such a job. */
struct af_future *job_load(struct job *job);

/** Stops the job, if it is not over yet: sends SIGTERM to its group. */
void job_stop(struct job *job);

/** Kills the job and its group, if it is not over yet. */
void job_kill(struct job *job);

/** Returns how it ended, and lets go of its process. */
struct job_end job_finish(struct job *job);

/** Writes the output of its stdout, or of its stderr, to a file. */
struct af_future *job_print_out(struct job *job, struct af_file *to,
				const struct filter *filter);
struct af_future *job_print_err(struct job *job, struct af_file *to,
				const struct filter *filter);

/** Returns how many bytes its stdout has. */
uint64_t job_out_size(const struct job *job);

/** Returns how many bytes of its output are in memory. */
size_t job_in_memory(const struct job *job);

/** Returns how many files hold the rest. */
size_t job_n_files(const struct job *job);

/** NULL is fine. */
void job_free(struct job *job);

#endif
