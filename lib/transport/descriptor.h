/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and writing what can be polled, by system calls that do not wait and
 * raise no signal. Knows no libevent.
 */
#ifndef AFI_TRANSPORT_DESCRIPTOR_H
#define AFI_TRANSPORT_DESCRIPTOR_H

#include "file/file.h"

/* Bytes; 0 at the end of file; -EAGAIN; another negative errno. */
ssize_t afi_descriptor_read(struct af_file *file, void *buf, size_t len);
/* Bytes; -EAGAIN; another negative errno. */
ssize_t afi_descriptor_write(struct af_file *file, const struct iovec *iov,
			     int n);
/* Whether such an error of a read, a positive errno, is the end of file. */
bool afi_descriptor_is_end(const struct af_file *file, int error);

#endif
