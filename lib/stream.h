/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of everything that can be polled: a bufferevent wakes, the
 * library moves the bytes.
 */
#ifndef AFI_STREAM_H
#define AFI_STREAM_H

#include "file.h"

/* Makes it the transport of a file with an fd; 0 or -ENOMEM. */
int afi_stream_attach(struct af_file *file);

#endif
