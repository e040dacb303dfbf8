/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of descriptors that cannot be polled: on-disk files, /dev/null
 * and the like. Workers make the calls that may wait for a disk.
 */
#ifndef AFI_TRANSPORT_DISK_H
#define AFI_TRANSPORT_DISK_H

#include <sys/stat.h>

#include "file/file.h"

/* Makes a file over like->fd or a duplicate of it; NULL and errno. */
struct af_file *afi_disk_new(const struct af_file *like, const struct stat *st);

#endif
