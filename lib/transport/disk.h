/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of what cannot be polled: on-disk files, /dev/null and its
 * like. What may wait for a disk is done by workers.
 */
#ifndef AFI_TRANSPORT_DISK_H
#define AFI_TRANSPORT_DISK_H

#include <sys/stat.h>

#include "file/file.h"

/* A file like that one, over its fd or a duplicate of it; NULL and errno. */
struct af_file *afi_disk_new(const struct af_file *like, const struct stat *st);

#endif
