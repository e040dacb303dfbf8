/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a listener of sockets that listen already.
 */
#ifndef AFI_NET_LISTEN_FDS_H
#define AFI_NET_LISTEN_FDS_H

#include "net/listener.h"

/* 0, and the listener owns the descriptors; or -errno. */
int afi_listen_fds(struct af_loop *loop, const int *fds, size_t n,
		   const struct af_listen_options *options,
		   struct af_listener **ret,
		   struct afi_listen_failure *failure);
/*
 * Sets O_NONBLOCK again, if another process has cleared it: as a listener of its
 * own on this socket does when it is closed. 0 or -errno.
 */
int afi_listen_fds_unblock(struct afi_listening *socket);

#endif
