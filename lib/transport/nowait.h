/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that never wait, at the position of an on-disk file or at an offset.
 */
#ifndef AFI_TRANSPORT_NOWAIT_H
#define AFI_TRANSPORT_NOWAIT_H

#include "file/transport.h"

/* In place of an offset: the descriptor's position, which moves. */
#define AFI_AT_POSITION ((off_t)-1)

/* What is known about a descriptor. */
struct afi_nowait {
	int fd;
	bool direct;  /* ordinary calls never wait */
	bool slow[2]; /* by direction: RWF_NOWAIT is not supported */
};

/*
 * Bytes; 0 at end of file; -EAGAIN: a worker must do it; another -errno. At an
 * offset, n is 1.
 */
ssize_t afi_nowait_read(struct afi_nowait *nowait, void *buf, size_t len,
			off_t at);
ssize_t afi_nowait_write(struct afi_nowait *nowait, const struct iovec *iov,
			 int n, off_t at);
/*
 * Whether these bytes seem to be in the page cache: 1 or 0; -ENOTSUP: that
 * cannot be known.
 */
int afi_nowait_in_memory(int fd, off_t from, off_t to);

#endif
