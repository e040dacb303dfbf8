/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of what cannot be polled because it is always ready: on-disk
 * files, /dev/null and its like.
 */
#ifndef AFI_DISK_H
#define AFI_DISK_H

#include "file.h"

/* Makes it the transport of a file with an fd. */
void afi_disk_attach(struct af_file *file);

#endif
