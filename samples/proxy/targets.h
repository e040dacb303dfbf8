/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where connections lead. They take turns; one that cannot be reached is passed
 * over, and when none can, all are tried again until the time is over: so a
 * target that is down for a moment only delays its clients.
 */
#ifndef PROXY_TARGETS_H
#define PROXY_TARGETS_H

#include <stddef.h>

#include "address.h"

struct af_future;
struct af_loop;

struct targets {
	struct address *list;
	size_t n;
	size_t turn;	  /* which one is next */
	unsigned timeout; /* seconds, for all attempts of a connection */
};

/* A connection that is being tried. Times are in milliseconds. */
struct attempt {
	struct af_loop *loop;
	const struct targets *targets;
	size_t at, left; /* the next one; how many before a pause */
	long long pause, end;
};

/* Takes them from the command line. Returns 0; -EINVAL; -ENOMEM. */
int targets_parse(struct targets *targets, char *const texts[], size_t n);
void targets_clear(struct targets *targets);

/*
 * Connects to one. Returns a future, as from af_connect(): that which succeeded,
 * or that which failed last.
 */
struct af_future *targets_connect(struct targets *targets, struct af_loop *loop,
				  struct attempt *attempt);

#endif
