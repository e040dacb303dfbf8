/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When a stream can be read and written: its bufferevent. Two ways to the same
 * end, of which configure takes one:
 *
 * wake.c        gives the bufferevent's own events, public in 2.1 and 2.2, our
 *               callbacks; the bufferevent stays disabled.
 * wakeplain.c   uses its callbacks alone. To find out whether there is
 *               something libevent then reads 4096 bytes of it, and may block
 *               on a blocking socket that another process reads, too.
 */
#ifndef AFI_TRANSPORT_WAKE_H
#define AFI_TRANSPORT_WAKE_H

#include "file/file.h"

/* Makes the bufferevent of a file, disabled; 0 or -ENOMEM. */
int afi_wake_open(struct af_file *file);
void afi_wake_close(struct af_file *file);

/*
 * Begins and ends to call afi_stream_ready(), over and over for as long as it
 * is. 0 or -errno.
 */
int afi_wake_add(struct af_file *file, enum afi_direction direction);
void afi_wake_del(struct af_file *file, enum afi_direction direction);
/* The loop has another base: what is wanted follows. 0 or -errno. */
int afi_wake_move(struct af_file *file);

/* As of struct afi_transport. */
ssize_t afi_wake_read(struct af_file *file, void *buf, size_t len);
size_t afi_wake_held(const struct af_file *file);
int afi_wake_unread(struct af_file *file, struct evbuffer *buf);

#endif
