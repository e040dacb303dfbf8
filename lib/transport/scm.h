/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that Unix sockets carry beside bytes (SCM_RIGHTS). Knows no
 * operation.
 */
#ifndef AFI_TRANSPORT_SCM_H
#define AFI_TRANSPORT_SCM_H

#include "file/fds.h"
#include "file/file.h"

/* Whether fd is a Unix socket. */
bool afi_scm_is_unix(int fd);
/*
 * Whether descriptors come with bytes that have arrived at a stream socket. Then
 * no more should be read than is needed now. To be called before afi_scm_read().
 */
bool afi_scm_is_ahead(struct af_file *file);
/*
 * Reads from a stream socket, for a file that keeps descriptors. Bytes; 0 at end
 * of file; -EAGAIN; another negative errno.
 */
ssize_t afi_scm_read(struct af_file *file, void *buf, size_t len);
/*
 * Likewise a message, of which len bytes are read. file->fds->came: 0 is an empty
 * one.
 */
ssize_t afi_scm_read_message(struct af_file *file, void *buf, size_t len);
/*
 * Sends bytes, or a message, with n descriptors. Bytes, and then all descriptors
 * have gone with the first one; -EAGAIN or another negative errno, and none has.
 */
ssize_t afi_scm_send(struct af_file *file, const void *buf, size_t len,
		     const int *fds, size_t n);

#endif
