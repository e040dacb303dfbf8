/* SPDX-License-Identifier: BSD-3-Clause */
/* The hosts on which jobs run: this one, others by ssh, or an allocation. */
#ifndef FANOUT_HOSTS_H
#define FANOUT_HOSTS_H

#include <stddef.h>

struct af_loop;
struct block;
struct hosts;
struct job;
struct plan;

struct host {
	struct hosts *all;
	char *name;	/* NULL: here */
	size_t running; /* jobs; the caller counts them */
};

/**
 * Makes the hosts of the plan, which must stay valid, and splits its ssh and
 * slurm_options in place. NULL if memory ran out.
 */
struct hosts *hosts_new(const struct plan *plan);

/** Returns the number of hosts: at least 1. */
size_t hosts_count(const struct hosts *hosts);

/**
 * Returns the host with the fewest running jobs.
 *
 * @param but not this one, if there are others; may be NULL
 */
struct host *hosts_choose(const struct hosts *hosts, const struct host *but);

/** Starts a command there. NULL with errno, as job_start(). */
struct job *host_start(const struct host *host, struct af_loop *loop,
		       char *const words[], const struct block *block);

/** Returns the program that host_start() starts here: maybe ssh or srun. */
const char *host_program(const struct host *host, char *const words[]);

/** Returns its name in reports; ":" is this host. */
const char *host_name(const struct host *host);

/** NULL is fine. */
void hosts_free(struct hosts *hosts);

#endif
