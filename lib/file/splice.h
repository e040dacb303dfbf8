/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving bytes from one file to another in the kernel. splice_linux.c does it by
 * splice(2) and sendfile(2); splice_posix.c cannot: read and write instead.
 */
#ifndef AFI_FILE_SPLICE_H
#define AFI_FILE_SPLICE_H

#include "file/file.h"

/* Whether it may be tried with these files. */
bool afi_splice_may(const struct af_file *from, const struct af_file *to);
/*
 * Bytes; 0 at end of file; -EAGAIN: either is not ready; another -errno.
 * -EINVAL, or what afi_refused() accepts: not with these files, or not here.
 */
ssize_t afi_splice(struct af_file *from, struct af_file *to, size_t len);

#endif
