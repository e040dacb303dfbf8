/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes listeners on addresses, for af_listen() and af_listen_async().
 */
#ifndef AFI_NET_LISTEN_H
#define AFI_NET_LISTEN_H

#include "net/listener.h"

/*
 * Checks the arguments, and fills in what to ask for: 0 or -errno. The strings
 * are not copied.
 */
int afi_listen_query(const char *host, const char *service,
		     const struct af_listen_options *options,
		     struct afi_names_query *query,
		     struct afi_listen_failure *failure);
/* Fills in that the addresses were not found; -error. */
int afi_listen_fail_names(struct afi_listen_failure *failure,
			  const struct afi_names_query *query, int error,
			  const char *text);
/* Listens on all of them: 0 or -errno. */
int afi_listen_on(struct af_loop *loop, const struct afi_names *names,
		  const struct af_listen_options *options,
		  struct af_listener **ret, struct afi_listen_failure *failure);

#endif
