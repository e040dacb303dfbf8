/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transport carries the bytes of a file; this is the table that each
 * transport fills in. Reads and writes do not block. After close, only destroy
 * is called.
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
	/* Bytes; 0 at end of file; -EAGAIN; another negative errno. */
	ssize_t (*read)(struct af_file *file, void *buf, size_t len);
	/* Bytes; -EAGAIN; another negative errno. Raises no SIGPIPE. */
	ssize_t (*write)(struct af_file *file, const struct iovec *iov, int n);
	/* From now on, calls afi_file_ready() when ready; 0 or -errno. */
	int (*want)(struct af_file *file, enum afi_direction direction);
	/* Stops that, and clears wanted, which must be set. */
	void (*unwant)(struct af_file *file, enum afi_direction direction);
	/* How many bytes it holds: read, but not yet returned by its read. */
	size_t (*held)(const struct af_file *file);
	/* Releases the loop and its base, but not the descriptor. */
	void (*release)(struct af_file *file);

	/* All below may be NULL; each comment says what NULL means. */

	/*
	 * Appends the bytes that it holds to buf: 0 or -ENOMEM. Not called if
	 * held is 0. NULL: the file cannot be detached.
	 */
	int (*move_held)(struct af_file *file, struct evbuffer *buf);
	/*
	 * Replaces afi_fill() where a message must be read whole, or where code
	 * of the program runs before or after. NULL: afi_fill() uses read.
	 */
	ssize_t (*fill)(struct af_file *file, size_t want);
	/*
	 * Called before a read of less than AFI_PACKET_MAX bytes: 1 if the file
	 * turns out to be a packet pipe; it now has a table with fill. 0: read.
	 * -EAGAIN: there is nothing to read. NULL: always read.
	 */
	int (*look)(struct af_file *file, size_t room);
	/* Lets reads go on after end of file: 0 or -errno. NULL: -ENOTSUP. */
	int (*clear_eof)(struct af_file *file);
	/*
	 * For AFIO_UNBUFFERED, or where descriptors come: how many bytes can be
	 * read, at least one, so that none is read beyond the first byte that is
	 * equal to one of the n in last. NULL: any number, because put_back can
	 * undo it.
	 */
	size_t (*span)(struct af_file *file, const char *last, size_t n);
	/*
	 * Moves the descriptor's position back over the buffered bytes. This
	 * recalls the job of a waiting read or write, so it must be about to
	 * end. 0, also for a descriptor without a position; -EBUSY. NULL: not
	 * an on-disk file.
	 */
	int (*put_back)(struct af_file *file);
	/* Whether both are on the same file. NULL: not an on-disk file. */
	bool (*is_same)(const struct af_file *a, const struct af_file *b);
	/* Whether a worker uses the fd and cannot be recalled. NULL: no. */
	bool (*is_busy)(struct af_file *file);
	/* Whether len bytes can be unread: 0 (yes) or -errno. NULL: always. */
	int (*can_unread)(struct af_file *file, size_t len);
	/*
	 * Prefetches for a caller that reads the descriptor directly, such as
	 * splice(2). Returns how many of len bytes are cached or past the end;
	 * -EAGAIN: want AFI_READ; -EINVAL: they cannot be, use read; another
	 * negative errno. NULL: not needed.
	 */
	ssize_t (*prepare)(struct af_file *file, size_t len);
	/*
	 * Called when the first write ends early: returns how many of its bytes
	 * a worker or a bufferevent will still send. NULL: none.
	 */
	size_t (*commit)(struct af_file *file);
	/*
	 * Whether bytes that a write has counted are still to be sent. If so,
	 * want AFI_WRITE to wait for that. NULL: never.
	 */
	bool (*is_sending)(const struct af_file *file);
	/* Returns the error of such bytes, once, or 0. NULL: there is none. */
	int (*take_late_error)(struct af_file *file);
	/*
	 * Sends its last bytes before af_file_finish() closes the file, unless
	 * it has. While is_sending says so, they are on their way. NULL: none.
	 */
	void (*farewell)(struct af_file *file);
	/* fsync(2) without blocking: 0, -EAGAIN, -errno. NULL: not on disk. */
	int (*sync)(struct af_file *file);
	/*
	 * shutdown(2), which fails if code of the program ends the file; and
	 * whether it is possible. NULL: -ENOTSOCK.
	 */
	int (*shutdown)(struct af_file *file, int how);
	int (*can_shutdown)(const struct af_file *file, int how);
	/*
	 * The descriptor to watch for a hang-up; -1: none, as the transport
	 * calls afi_hangup_seen() itself. NULL: there is no other side.
	 */
	int (*hangup_fd)(const struct af_file *file);
	/* Whether it knows that the other side has left. NULL: never. */
	bool (*has_left)(const struct af_file *file);
	/*
	 * Whether splice(2) works without waiting, with the file as its source
	 * (AFI_READ) or its target (AFI_WRITE). NULL: no.
	 */
	bool (*can_splice)(const struct af_file *file,
			   enum afi_direction direction);
	/* Whether a worker makes its writes: few large ones are best. NULL: no. */
	bool (*worker_writes)(const struct af_file *file);
	/* After release: closes file->fd if close_fd. NULL: close(2). */
	int (*close)(struct af_file *file, bool close_fd);
	/* Frees what release and close have left. NULL: nothing. */
	void (*destroy)(struct af_file *file);

	/* It cannot be polled; workers make the calls that would block. */
	bool always_ready;
	/* A partial write means that there is no room for more. */
	bool part_fills;
	/* The descriptor belongs to the program's bufferevent. */
	bool borrows_fd;
};

#endif
