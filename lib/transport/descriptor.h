/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads and writes on descriptors that can be polled, without waiting and
 * without a signal. Knows no libevent.
 */
#ifndef AFI_TRANSPORT_DESCRIPTOR_H
#define AFI_TRANSPORT_DESCRIPTOR_H

#include "file/file.h"

/* Bytes; 0 at end of file; -EAGAIN; another negative errno. */
ssize_t afi_descriptor_read(struct af_file *file, void *buf, size_t len);
/* Bytes; -EAGAIN; another negative errno. */
ssize_t afi_descriptor_write(struct af_file *file, const struct iovec *iov,
			     int n);
struct msghdr;
/* sendmsg(2) on a socket, as a write. */
ssize_t afi_descriptor_send(struct af_file *file, const struct msghdr *message);
/* Whether a pipe can be used without waiting whatever its blocking mode is. */
bool afi_descriptor_by_call(void);
/* Whether a read's error, a positive errno, means end of file. */
bool afi_descriptor_is_end(const struct af_file *file, int error);

#endif
