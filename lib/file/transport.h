/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What carries the bytes of a file: the table that each transport fills in.
 * Reads and writes never block, and nothing is called after close.
 */
#ifndef AFI_FILE_TRANSPORT_H
#define AFI_FILE_TRANSPORT_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct af_file;
struct evbuffer;

enum afi_direction { AFI_READ, AFI_WRITE };

struct afi_transport {
	/* Bytes; 0 at the end of file; -EAGAIN; another negative errno. */
	ssize_t (*read)(struct af_file *file, void *buf, size_t len);
	/* Bytes; -EAGAIN; another negative errno. Never a SIGPIPE. */
	ssize_t (*write)(struct af_file *file, const struct iovec *iov, int n);
	/* Calls afi_file_ready() once it may be ready; 0 or -errno. */
	int (*want)(struct af_file *file, enum afi_direction direction);
	/* Calls it no more; only while wanted, and clears that. */
	void (*unwant)(struct af_file *file, enum afi_direction direction);
	/* How many bytes it has read and not handed out. */
	size_t (*held)(const struct af_file *file);
	/* Moves those to the end of buf; 0 or -ENOMEM. */
	int (*move_held)(struct af_file *file, struct evbuffer *buf);
	/* Lets go of the loop and its base, but not of the descriptor. */
	void (*release)(struct af_file *file);

	/* What follows may be NULL, which means what the comment says. */

	/* afi_fill(), where a read must not be cut; NULL: by read. */
	ssize_t (*fill)(struct af_file *file);
	/*
	 * Without buffering: how many bytes can be read, at least one, of which
	 * none is beyond the first that is last; NULL: any number, because what
	 * is too much can be put back.
	 */
	size_t (*span)(struct af_file *file, char last);
	/*
	 * Moves the descriptor's position back over what was read ahead. 0, also
	 * where there is no position to move; -EBUSY. A read or write that waits
	 * must be about to end. NULL: never possible.
	 */
	int (*put_back)(struct af_file *file);
	/* Whether a worker has the descriptor for a while yet. NULL: never. */
	bool (*is_busy)(struct af_file *file);
	/* Whether len bytes can be put in front: 0 or -errno. NULL: always. */
	int (*can_unread)(struct af_file *file, size_t len);
	/*
	 * Prefetches for a caller that reads the descriptor itself, as splice(2)
	 * does: how many of len bytes are cached or past the end; -EAGAIN: want
	 * AFI_READ; another negative errno. NULL: nothing to prefetch.
	 */
	ssize_t (*prepare)(struct af_file *file, size_t len);
	/*
	 * The first write ends early: how many of its bytes are sent all the
	 * same, because a worker or a bufferevent has them. NULL: none.
	 */
	size_t (*commit)(struct af_file *file);
	/* fsync(2), as write is: 0, -EAGAIN, -errno. NULL: there is no disk. */
	int (*sync)(struct af_file *file);
	/* shutdown(2), and whether it can be done. NULL: -ENOTSOCK. */
	int (*shutdown)(struct af_file *file, int how);
	int (*can_shutdown)(const struct af_file *file, int how);
	/*
	 * The descriptor whose other side may leave; -1: none, the transport
	 * reports it by afi_hangup_seen(). NULL: it has no other side.
	 */
	int (*hangup_fd)(const struct af_file *file);
	/* Whether the transport knows that it has left. NULL: it never does. */
	bool (*has_left)(const struct af_file *file);
	/*
	 * Whether the kernel can move its bytes without waiting, as the source
	 * (AFI_READ) or the target of splice(2). NULL: no.
	 */
	bool (*can_splice)(const struct af_file *file,
			   enum afi_direction direction);
	/* After release: closes file->fd, or not. NULL: close(2). 0 or -errno. */
	int (*close)(struct af_file *file, bool close_fd);

	/* It cannot be polled: what is not ready is a worker's. */
	bool always_ready;
	/* A write that took a part took all that there is room for. */
	bool part_fills;
	/* The descriptor belongs to the program's bufferevent. */
	bool borrows_fd;
};

#endif
