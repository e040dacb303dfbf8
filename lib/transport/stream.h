/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of descriptors that can be polled.
 */
#ifndef AFI_TRANSPORT_STREAM_H
#define AFI_TRANSPORT_STREAM_H

#include "file/file.h"

/* Makes a file over like->fd; NULL: ENOMEM. */
struct af_file *afi_stream_new(const struct af_file *like);
/* Makes a file over a source of records. */
struct af_file *afi_stream_new_records(const struct af_file *like);
/* Makes a file over a message socket. */
struct af_file *afi_stream_new_messages(const struct af_file *like);

#endif
