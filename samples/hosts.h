/* SPDX-License-Identifier: BSD-3-Clause */
/* The hosts that jobs run on: this one, or others by ssh. */
#ifndef SAMPLES_HOSTS_H
#define SAMPLES_HOSTS_H

#include <stddef.h>

struct af_loop;
struct hosts;
struct job;

struct host {
	struct hosts *all;
	char *name;	/* NULL: here */
	size_t running; /* jobs; the caller counts */
};

/**
 * @param names n of them, which must stay; 0: here is the only one
 * @param ssh   its words, which are taken apart and must stay
 * @return NULL without memory
 */
struct hosts *hosts_new(char *const names[], size_t n, char *ssh);

/** How many there are: at least 1. */
size_t hosts_count(const struct hosts *hosts);

/** The one with the least to do. */
struct host *hosts_choose(const struct hosts *hosts);

/** Starts a command there. NULL with errno, as of job_start(). */
struct job *host_start(const struct host *host, struct af_loop *loop,
		       char *const words[]);

/** The program that host_start() has to start here for that. */
const char *host_program(const struct host *host, char *const words[]);

/** NULL is fine. */
void hosts_free(struct hosts *hosts);

#endif
