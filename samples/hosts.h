/* SPDX-License-Identifier: BSD-3-Clause */
/* The hosts on which jobs run: this one, or others by ssh. */
#ifndef SAMPLES_HOSTS_H
#define SAMPLES_HOSTS_H

#include <stddef.h>

struct af_loop;
struct hosts;
struct job;

struct host {
	struct hosts *all;
	char *name;	/* NULL: here */
	size_t running; /* jobs; the caller counts them */
};

/**
 * @param names n names, which must stay valid; n 0: this host alone
 * @param ssh   the ssh command, which is split in place and must stay valid
 * @return the hosts; NULL if memory ran out
 */
struct hosts *hosts_new(char *const names[], size_t n, char *ssh);

/** Returns the number of hosts: at least 1. */
size_t hosts_count(const struct hosts *hosts);

/** Returns the host with the fewest running jobs. */
struct host *hosts_choose(const struct hosts *hosts);

/** Starts a command there. NULL with errno, as job_start(). */
struct job *host_start(const struct host *host, struct af_loop *loop,
		       char *const words[]);

/** Returns the program that host_start() starts on this host: maybe ssh. */
const char *host_program(const struct host *host, char *const words[]);

/** NULL is fine. */
void hosts_free(struct hosts *hosts);

#endif
