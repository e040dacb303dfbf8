/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open file descriptions of our own.
 */
#ifndef AFI_TRANSPORT_REOPEN_H
#define AFI_TRANSPORT_REOPEN_H

#include "file/file.h"

/*
 * Opens the file of fd again, non-blocking, so that the description of fd,
 * which others may share, keeps its flags. mode: the flags of fd. Returns the
 * new descriptor; -ENOTSUP: it would be another file; or -errno.
 */
int afi_reopen(int fd, int mode);

#endif
