/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a path that the program has passed, without following links that
 * other users have made.
 */
#ifndef AFI_PROCESS_PATH_H
#define AFI_PROCESS_PATH_H

#include <sys/types.h>

/* In the third word of a struct open_how: RESOLVE_NO_SYMLINKS. */
#define AFI_NO_SYMLINKS 0x04

/*
 * open(2), except that root does not follow a symbolic link that another user
 * may have made: -ELOOP. The descriptor, or -errno.
 */
int afi_path_open(const char *path, int flags, mode_t mode);

#endif
