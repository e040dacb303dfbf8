/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes at an offset.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "transport/diskat.h"

static ssize_t write_at_move(struct afi_disk_at *op)
{
	struct iovec iov = { (void *)op->data, afi_disk_at_piece(op) };

	if (iov.iov_len == 0)
		return -EFBIG; /* at the largest position */
	return afi_nowait_write(&afi_disk_of(op->file)->nowait, &iov, 1,
				op->at);
}

static struct afi_disk_job *write_at_new_job(struct afi_disk_at *op)
{
	struct afi_pool *pool = &op->future.loop->pool;
	size_t len = afi_disk_at_piece(op);
	struct afi_chunk *chunk = afi_chunk_get(pool, len);
	struct afi_disk_job *job;

	if (!chunk)
		return NULL;
	memcpy(chunk->data, op->data, len);
	job = afi_disk_job_new_placed(op->file, AFI_WRITE, op->at, chunk, 0,
				      len);
	if (!job)
		afi_chunk_put(pool, chunk);
	return job;
}

static bool write_at_count(struct afi_disk_at *op, ssize_t r)
{
	struct af_future *f = &op->future;

	if (r > 0) {
		f->count += (size_t)r;
		op->at += r;
		op->data += r;
		if (op->full && f->count < op->size)
			return false;
	}
	afi_disk_at_finish(op, r < 0 ? (int)r : 0, 0);
	return true;
}

static int write_at_settle(struct afi_disk_at *op, int error)
{
	(void)op;
	return error;
}

static const struct afi_disk_at_kind write_at_kind = {
	.move = write_at_move,
	.new_job = write_at_new_job,
	.count = write_at_count,
	.settle = write_at_settle,
};

/* Copies the bytes that could not be written at once; 0 or -ENOMEM. */
static int write_at_keep_rest(struct afi_disk_at *op)
{
	struct af_future *f = &op->future;
	size_t left = op->size - f->count;

	f->chunk = afi_chunk_get(&f->loop->pool, left);
	if (!f->chunk)
		return -ENOMEM;
	op->data = memcpy(f->chunk->data, op->data, left);
	return 0;
}

/* Begins one of at least a byte. */
static void write_at_start(struct afi_disk_at *op, bool borrows,
			   const struct timeval *timeout)
{
	struct af_future *f = &op->future;
	int r = 0;

	afi_disk_at_step(op);
	if (!f->done && !borrows)
		r = write_at_keep_rest(op);
	if (r == 0)
		r = afi_op_wait(f, timeout);
	if (r < 0)
		afi_disk_at_abort(op, r);
}

struct af_future *af_file_write_at(struct af_file *file, const void *buf,
				   size_t len, int64_t offset, unsigned flags,
				   const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "write at",
		.size = sizeof(struct afi_disk_at),
		.cancel = afi_disk_at_cancel,
		.expire = afi_disk_at_expire,
		.progress = afi_op_progress,
		.describe = afi_disk_at_describe,
	};
	int r = afi_op_check(file, AFI_WRITE, flags, AFIO_FULL | AFIO_BORROW,
			     timeout);
	struct af_future *f;

	if (r == 0 && !buf && len > 0)
		r = -EINVAL;
	f = afi_disk_at_new(file, &ops, &write_at_kind, offset, len, r);
	if (f->done)
		return f;
	afi_disk_at_of(f)->data = buf;
	afi_disk_at_of(f)->full = flags & AFIO_FULL;
	if (len > 0)
		write_at_start(afi_disk_at_of(f), flags & AFIO_BORROW, timeout);
	else
		afi_disk_at_finish(afi_disk_at_of(f), 0, 0);
	return f;
}
