/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening a path, in any thread. Knows neither a loop nor a file.
 */
#ifndef AFI_TRANSPORT_OPEN_H
#define AFI_TRANSPORT_OPEN_H

#include "file/file.h"

/* The flags of open(2) for a mode; -1: NULL, or not a mode. */
int afi_open_flags(const char *mode);
/* Opens the path, above 2; may wait for a file system. The fd or -errno. */
int afi_open_path(const char *path, int flags);

#endif
