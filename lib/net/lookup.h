/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of a host, without waiting for a name server on the loop's
 * thread.
 */
#ifndef AFI_NET_LOOKUP_H
#define AFI_NET_LOOKUP_H

#include "loop/loop.h"
#include "net/names.h"

struct afi_lookup;

/* What was found: names, which free(3) frees; or why not. */
struct afi_found {
	const struct afi_names_query *query;
	struct afi_names *names;
	int error;
	const char *text; /* see afi_names_find(); with an error only */
};

/*
 * Finds at once what needs no name server and no file: a Unix socket, or a
 * numeric host and service. Then, and after any error, it sets *found and
 * returns NULL. Else a thread looks, and back is called from the ready queue,
 * once, after which the lookup is gone; the base runs on until then. wait: or it
 * fails with -ETIMEDOUT. The query is copied. -EAGAIN also if there can be no
 * thread.
 */
struct afi_lookup *
afi_lookup_start(struct af_loop *loop, const struct afi_names_query *query,
		 bool wait,
		 void (*back)(const struct afi_found *found, void *arg),
		 void *arg, struct afi_found *found);
/* What is found when a deadline passes; valid until it is stopped. */
struct afi_found afi_lookup_expired(const struct afi_lookup *lookup);
/* The host that it looks up, for messages. */
const char *afi_lookup_host(const struct afi_lookup *lookup);
/* Forgets it: back is not called. The thread may go on for a while. */
void afi_lookup_stop(struct afi_lookup *lookup);

#endif
