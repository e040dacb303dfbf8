/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of everything that can be polled: a bufferevent wakes, the
 * library moves the bytes.
 */
#ifndef AFI_TRANSPORT_STREAM_H
#define AFI_TRANSPORT_STREAM_H

#include "file/file.h"

/* Makes it the transport of a file with an fd; 0 or -ENOMEM. */
int afi_stream_attach(struct af_file *file);

/* For what wakes it: read(2) of the descriptor, without blocking. */
ssize_t afi_stream_read(struct af_file *file, void *buf, size_t len);
/* Whether such an error, a positive errno, is the end of the file. */
bool afi_stream_is_end(const struct af_file *file, int error);
/* It can be read or written, or has ended. */
void afi_stream_ready(struct af_file *file, enum afi_direction direction);
/* It is to be stopped; it has stopped by itself. */
void afi_stream_unwant(struct af_file *file, enum afi_direction direction);
void afi_stream_stopped(struct af_file *file, enum afi_direction direction);

#endif
