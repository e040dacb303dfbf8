/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads and writes at an offset of an on-disk file. Any number is under way at
 * once; they have no place in the queues, and use no position.
 */
#ifndef AFI_TRANSPORT_DISKAT_H
#define AFI_TRANSPORT_DISKAT_H

#include "file/op.h"
#include "transport/diskturn.h"

/* The operation. */
struct afi_disk_at {
	struct af_future future; /* count: the bytes so far */
	const struct afi_disk_at_kind *kind;
	LIST_ENTRY(afi_disk_at) entry;
	struct afi_task task; /* goes on */
	struct af_file *file;
	struct afi_disk_job *job; /* out; NULL: none is */
	off_t at;		  /* of the next byte */
	size_t size;		  /* of all; SIZE_MAX: up to the end */
	const char *data;	  /* to write: the bytes left */
	bool full;
	bool waits; /* in the file's list, and holds the loop */
};

/* What reads and writes do in ways of their own. */
struct afi_disk_at_kind {
	/* Moves bytes without waiting: bytes; 0 at end; -EAGAIN; -errno. */
	ssize_t (*move)(struct afi_disk_at *op);
	/* A job for the next piece, with memory it may keep; NULL: ENOMEM. */
	struct afi_disk_job *(*new_job)(struct afi_disk_at *op);
	/* Counts the result of a move; true if it has ended the operation. */
	bool (*count)(struct afi_disk_at *op, ssize_t r);
	/* Makes what is there the result of one that ends; its error or 0. */
	int (*settle)(struct afi_disk_at *op, int error);
};

static inline struct afi_disk_at *afi_disk_at_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct afi_disk_at, future);
}
/*
 * Makes one, of which data and full are still to be set; r is the result of
 * further checks. A failed future if it cannot be.
 */
struct af_future *afi_disk_at_new(struct af_file *file,
				  const struct afi_future_ops *ops,
				  const struct afi_disk_at_kind *kind,
				  int64_t offset, size_t size, int r);
/* Moves what can be moved now, and then has a worker go on. */
void afi_disk_at_step(struct afi_disk_at *op);
/* Ends one whose job, if it had one, has left. */
void afi_disk_at_finish(struct afi_disk_at *op, int error, unsigned flags);
/*
 * Ends one early, and leaves its job alone. What a worker writes, or is about to
 * write, counts; an error of that is reported later.
 */
void afi_disk_at_abort(struct afi_disk_at *op, int error);
/* How many bytes the next piece may have, up to the largest position. */
size_t afi_disk_at_piece(const struct afi_disk_at *op);

/* For the table of the future. */
void afi_disk_at_cancel(struct af_future *f);
void afi_disk_at_expire(struct af_future *f);
void afi_disk_at_describe(const struct af_future *f, FILE *out);

/* Cancels those that are pending. A job that is out ends without its file. */
void afi_disk_at_release(struct afi_disk *disk);
/*
 * Whether a worker uses the descriptor for one, and cannot be recalled. Those
 * that were recalled go on, unless they are cancelled.
 */
bool afi_disk_at_is_busy(struct afi_disk *disk);

#endif
