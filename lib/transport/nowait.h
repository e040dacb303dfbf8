/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tries that never wait, at the position of an on-disk file.
 */
#ifndef AFI_TRANSPORT_NOWAIT_H
#define AFI_TRANSPORT_NOWAIT_H

#include <sys/stat.h>

#include "file/file.h"

/* Whether it is a device where nothing ever waits, so that no try is needed. */
bool afi_nowait_always(const struct stat *st);

/* Bytes, 0 at the end; -EAGAIN: a worker must do it; another negative errno. */
ssize_t afi_nowait_read(struct af_file *file, void *buf, size_t len);
ssize_t afi_nowait_write(struct af_file *file, const struct iovec *iov, int n);
/* Whether it seems that these bytes can be read without waiting. */
bool afi_nowait_in_memory(struct af_file *file, off_t from, off_t to);

#endif
