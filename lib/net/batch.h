/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives several datagrams by one system call. batch_linux.c uses recvmmsg(2);
 * batch_posix.c, for systems without it, receives one at a time.
 */
#ifndef AFI_NET_BATCH_H
#define AFI_NET_BATCH_H

#include "net/incoming.h"

/*
 * Receives up to n messages, one at least, whose chunks are of AFI_CHUNK_SIZE;
 * sets their len and cut and their senders. How many; -EAGAIN; or another
 * negative errno. *ret_drained: whether there were no more.
 */
int afi_batch_receive(int fd, struct afi_message *messages, unsigned n,
		      bool *ret_drained);

#endif
