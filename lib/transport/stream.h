/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of descriptors that can be polled.
 */
#ifndef AFI_TRANSPORT_STREAM_H
#define AFI_TRANSPORT_STREAM_H

#include "file/file.h"

/*
 * Makes a file over like->fd; NULL: ENOMEM. If like keeps descriptors, so does
 * the file.
 */
struct af_file *afi_stream_new(const struct af_file *like);
/* Makes a file over a source of records. */
struct af_file *afi_stream_new_records(const struct af_file *like);
/* Makes a file over a message socket. */
struct af_file *afi_stream_new_messages(const struct af_file *like);
/*
 * Has a file keep the descriptors that come with its bytes. 0; -ENOTSUP: not a
 * Unix socket; -ENOMEM.
 */
int afi_stream_keep_fds(struct af_file *file);
/*
 * Gives such a file, a stream socket on which no operation is pending, a layer,
 * and appends the bytes that its transport holds. 0; or -ENOMEM, with nothing
 * changed.
 */
int afi_stream_set_layer(struct af_file *file, struct afi_layer *layer,
			 struct evbuffer *held);

#endif
