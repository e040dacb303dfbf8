/* SPDX-License-Identifier: BSD-3-Clause */
/* The run: what all tasks share. */
#ifndef FANOUT_RUN_H
#define FANOUT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"
#include "slots.h"
#include "tally.h"

struct af_file;
struct af_future;
struct af_loop;
struct batch;
struct hosts;
struct items;
struct job;
struct joblog;
struct plan;
struct task;

struct run {
	const struct plan *plan;
	struct af_loop *loop;
	struct hosts *hosts;
	struct batch *batch; /* that runs the jobs; or NULL */
	struct items *in;
	struct joblog *log; /* NULL: none */
	struct af_file *out, *err;
	struct filter out_filter, err_filter; /* without a tag */
	bool has_hole;			      /* the command has one */
	size_t number;			      /* of the last item */
	uint64_t skipped;		      /* bytes, of items done before */
	struct slots slots;
	struct task *tasks;	   /* whose jobs are running */
	struct af_future *reading; /* the next item */
	struct af_future *turn;	   /* done when all so far is printed */
	struct af_future *room;	   /* done when the next job is over, or NULL */
	struct af_future *relief;  /* done when less waits to be printed */
	size_t n_starved;	   /* tasks that wait for room */
	/* What waits to be printed */
	size_t waiting, waiting_bytes, waiting_files;
	bool ended;    /* no more items: the input has ended, or must stop */
	bool stopping; /* running jobs are being stopped */
	bool silent;   /* nothing is printed any more */
	bool printing;
	bool broken;  /* an error of our own */
	bool halting; /* enough jobs have ended, see plan->halt */
	int halted;   /* the exit status of that; or -1 */
	int signal;   /* that ended the run */
	struct tally tally;
};

/** Starts no more jobs. Running jobs finish. */
void run_end_input(struct run *run);

/** The same after an error that was reported. */
void run_break(struct run *run);

/** Starts no more jobs, and stops running ones. */
void run_stop(struct run *run);

/** The same, and prints nothing more. */
void run_abandon(struct run *run);

/** Kills running jobs. */
void run_kill(struct run *run);

/** Returns a future that is done when the next job is over. */
struct af_future *run_room(struct run *run);

/** A job is over: gives room. */
void run_make_room(struct run *run);

/** Some output waits to be printed. */
void run_add_waiting(struct run *run, const struct job *job);

/** It does not wait any more. */
void run_remove_waiting(struct run *run, const struct job *job);

/**
 * Returns a future that is done when another job may start: at once, unless too
 * much output waits.
 */
struct af_future *run_hold(struct run *run);

/** Returns the exit status. */
int run_status(const struct run *run);

#endif
