/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When a stream can be read and written: its bufferevent. Two ways to the same
 * end, of which configure takes one:
 *
 * wake_direct.c gives the bufferevent's own events, public in 2.1 and 2.2, our
 *               callbacks; the bufferevent stays disabled.
 * wake_plain.c  uses its callbacks alone. To find out whether there is
 *               something, libevent then reads 4096 bytes of it, and may block
 *               on a blocking socket that another process reads, too.
 *
 * Both call afi_file_ready(), over and over for as long as the file is ready.
 */
#ifndef AFI_TRANSPORT_WAKE_H
#define AFI_TRANSPORT_WAKE_H

#include "file/file.h"

struct afi_wake {
	struct af_file *file;
	struct bufferevent *bev;
	struct afi_watch watch;	   /* while something is wanted */
	struct afi_wake_own *more; /* what one of the ways keeps; or NULL */
};

/* Makes the bufferevent of a file, disabled; 0 or -ENOMEM. */
int afi_wake_open(struct afi_wake *wake, struct af_file *file);
void afi_wake_close(struct afi_wake *wake);

/* Begins and ends to call, 0 or -errno. */
int afi_wake_add(struct afi_wake *wake, enum afi_direction direction);
void afi_wake_del(struct afi_wake *wake, enum afi_direction direction);
/* The loop has another base: what is wanted follows. 0 or -errno. */
int afi_wake_move(struct afi_wake *wake);

/* It is not on the base any more, in a direction: nothing to move. */
static inline void afi_wake_stopped(struct afi_wake *wake,
				    enum afi_direction direction)
{
	wake->file->wanted[direction] = false;
	if (!wake->file->wanted[!direction])
		afi_watch_stop(&wake->watch);
}

/* See struct afi_transport. */
ssize_t afi_wake_read(struct afi_wake *wake, void *buf, size_t len);
size_t afi_wake_held(const struct afi_wake *wake);
int afi_wake_move_held(struct afi_wake *wake, struct evbuffer *buf);

#endif
