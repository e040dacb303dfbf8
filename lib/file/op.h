/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The beginning and the end of every operation on a file: checks, future, place
 * in a queue, deadline, outcome.
 */
#ifndef AFI_FILE_OP_H
#define AFI_FILE_OP_H

#include <errno.h>

#include "base/container.h"
#include "file/file.h"

/* The head of every operation that has one place in a queue. */
struct afi_file_op {
	struct af_future future;
	struct afi_op op;
};

/*
 * The checks that every operation needs. known: the flags it accepts. 0, or the
 * error to fail with.
 */
static inline int afi_op_check(const struct af_file *file,
			       enum afi_direction direction, unsigned flags,
			       unsigned known, const struct timeval *timeout)
{
	if (!file || flags & ~known || !afi_timeout_valid(timeout))
		return -EINVAL;
	if (!afi_loop_is_mine(file->loop))
		return -EPERM;
	if (file->loop->freed)
		return -ECANCELED;
	if (file->may & 1 << direction)
		return 0;
	return file->closing && !file->finished ? -ECANCELED : -EBADF;
}

/* A failed future for an operation on file, which may be NULL. */
struct af_future *afi_op_failed(const struct af_file *file, int error);
/*
 * Makes the pending future of an operation, of ops->size bytes. r is the result
 * of the checks: if it is an error, or memory runs out, returns a failed
 * future.
 */
struct af_future *afi_op_new(struct af_file *file,
			     const struct afi_future_ops *ops, int r);
/* Fills in op; call afi_file_queue() next. */
static inline void afi_op_init(struct afi_op *op, struct af_future *f,
			       enum afi_direction direction,
			       int (*step)(struct afi_op *))
{
	op->future = f;
	op->direction = direction;
	op->step = step;
}
/* Leaves the queue and completes the future. Does not step the queue. */
void afi_op_finish(struct afi_op *op, int error);
/* For use outside a step function: afi_op_finish(), and steps the queue. */
void afi_op_end(struct afi_op *op, int error);
/*
 * Sets the deadline of a queued operation. Ends it at once if the timeout is
 * zero. 0 or -ENOMEM.
 */
int afi_op_wait(struct af_future *f, const struct timeval *timeout);
/* Like afi_op_wait(), but if there is no memory, ends it with -ENOMEM. */
void afi_op_limit(struct afi_op *op, const struct timeval *timeout);

/* For the table of an operation that begins with a struct afi_file_op. */
void afi_op_cancel(struct af_future *f);
void afi_op_expire(struct af_future *f);
/* For an operation whose progress is the count of its future. */
size_t afi_op_progress(const struct af_future *f);
void afi_op_describe(const struct af_future *f, FILE *out);

#endif
