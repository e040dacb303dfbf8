/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A run of a pipeline. What it writes becomes server-sent events, which are kept
 * in a log that all who follow the run read from, each at a pace of its own. The
 * log is bounded by the limit on output.
 */
#ifndef RUNWEB_RUN_H
#define RUNWEB_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

struct af_future;
struct af_loop;
struct af_pipe;
struct allowed;
struct evbuffer;
struct follower;

struct limits {
	struct timeval time;
	size_t output; /* bytes of all streams together */
	unsigned runs; /* at the same time */
};

struct run {
	struct run *next;
	unsigned id;
	const struct allowed *what;
	const struct limits *limits;
	struct af_pipe *pipe; /* NULL once it is over */
	struct evbuffer *log;
	struct timeval started;
	size_t output;
	const char *why; /* it was ended early, or NULL */
	bool failed;	 /* memory was short: the log has a gap */
	struct follower *followers;
};

/* Returns NULL with errno. */
struct run *run_start(struct af_loop *loop, const struct allowed *what,
		      const struct limits *limits, unsigned id);
/* Asks it to end: SIGTERM, then SIGKILL. */
void run_stop(struct run *run);
/* Frees a run that nobody follows; one that is not over is killed. */
void run_free(struct run *run);
/* Appends an event with what each stage does now. */
int run_state(struct evbuffer *to, struct run *run);
/* Appends a JSON object about the run. */
int run_json(struct evbuffer *to, const struct run *run);

#endif
