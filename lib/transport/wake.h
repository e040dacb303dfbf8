/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wakes a stream, by a bufferevent, when it can be read or written. There are
 * two implementations, and configure selects one:
 *
 * wake_direct.c gives the bufferevent's own events, public in 2.1 and 2.2, our
 *               callbacks; the bufferevent stays disabled.
 * wake_plain.c  uses only the bufferevent's callbacks. Before it calls them,
 *               libevent reads up to 4096 bytes, which may block on a blocking
 *               socket that another process reads, too.
 *
 * Both call afi_file_ready() again and again while the file is ready.
 */
#ifndef AFI_TRANSPORT_WAKE_H
#define AFI_TRANSPORT_WAKE_H

#include "file/file.h"

struct afi_wake {
	struct af_file *file;
	struct bufferevent *bev;
	struct afi_watch watch;	   /* while something is wanted */
	struct afi_wake_own *more; /* of the implementation; or NULL */
	bool by_read; /* for AFI_WRITE, it wakes when the file can be read */
};

/* Makes the bufferevent of a file, disabled; 0 or -ENOMEM. */
int afi_wake_open(struct afi_wake *wake, struct af_file *file);
void afi_wake_close(struct afi_wake *wake);

/* From now on it only wakes, and reads nothing itself; 0 or -ENOMEM. */
int afi_wake_only(struct afi_wake *wake);
/* Sets by_read, of the wake of a layer; AFI_WRITE must not be wanted. */
void afi_wake_write_by_read(struct afi_wake *wake, bool by_read);
/* Start and stop waking in a direction; 0 or -errno. */
int afi_wake_add(struct afi_wake *wake, enum afi_direction direction);
void afi_wake_del(struct afi_wake *wake, enum afi_direction direction);
/* The loop has changed its base: moves the events to it; 0 or -errno. */
int afi_wake_move(struct afi_wake *wake);

/*
 * Ends the watch if nothing is wanted. What is on another base than that of the
 * loop goes there first, with the others, before that base is freed.
 */
static inline void afi_wake_rest(struct afi_wake *wake)
{
	const struct af_file *file = wake->file;

	if (!file->wanted[AFI_READ] && !file->wanted[AFI_WRITE] &&
	    file->loop->base == file->loop->home)
		afi_watch_stop(&wake->watch);
}

/* A direction is no longer wanted. */
static inline void afi_wake_stopped(struct afi_wake *wake,
				    enum afi_direction direction)
{
	wake->file->wanted[direction] = false;
	afi_wake_rest(wake);
}

/* See struct afi_transport. */
ssize_t afi_wake_read(struct afi_wake *wake, void *buf, size_t len);
size_t afi_wake_held(const struct afi_wake *wake);
int afi_wake_move_held(struct afi_wake *wake, struct evbuffer *buf);

#endif
