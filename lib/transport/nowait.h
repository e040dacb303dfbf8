/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tries that never wait, at the position of an on-disk file.
 */
#ifndef AFI_TRANSPORT_NOWAIT_H
#define AFI_TRANSPORT_NOWAIT_H

#include <sys/stat.h>

#include "file/transport.h"

/* What has been found out about a descriptor. */
struct afi_nowait {
	int fd;
	bool direct;  /* it never waits */
	bool slow[2]; /* a try without waiting is no use */
};

/* Whether it is a device where nothing ever waits, so that no try is needed. */
bool afi_nowait_always(const struct stat *st);

/* Bytes, 0 at the end; -EAGAIN: a worker must do it; another negative errno. */
ssize_t afi_nowait_read(struct afi_nowait *nowait, void *buf, size_t len);
ssize_t afi_nowait_write(struct afi_nowait *nowait, const struct iovec *iov,
			 int n);
/* Whether it seems that these bytes can be read without waiting. */
bool afi_nowait_in_memory(const struct afi_nowait *nowait, off_t from,
			  off_t to);

#endif
