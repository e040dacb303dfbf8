/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listening sockets on addresses.
 */
#ifndef AFI_NET_BOUND_H
#define AFI_NET_BOUND_H

#include <asyncfile/listener.h>

#include "net/listen_error.h"
#include "net/names.h"
#include "net/sockpath.h"

struct afi_bound {
	int fd; /* -1: none, or closed */
	int type;
	struct afi_address address;
	struct afi_sockpath path;
};

/*
 * Makes a socket for each address, and has it listen. bound has room for them;
 * *ret_n is set to how many there are, at least one. 0; or -errno, and none is
 * left.
 */
int afi_bound_open(const struct afi_names *names,
		   const struct af_listen_options *options,
		   struct afi_bound *bound, size_t *ret_n,
		   struct afi_listen_failure *failure);
/* Removes the path of one, if it is to be removed. */
void afi_bound_remove(struct afi_bound *bound);
/* That, and closes the socket; closing it twice is fine. */
void afi_bound_close(struct afi_bound *bound);

#endif
