/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What operations on a file have in common at their beginning and end. Knows no
 * single operation.
 */
#include "config.h"

#include "file/op.h"

struct af_future *afi_op_failed(const struct af_file *file, int error)
{
	return afi_future_failed(file ? file->loop : NULL, error);
}

struct af_future *afi_op_new(struct af_file *file,
			     const struct afi_future_ops *ops, int r)
{
	struct af_future *f;

	if (r < 0)
		return afi_op_failed(file, r);
	f = afi_operation_begin(file->loop, true, ops);
	if (!f->done)
		f->since = afi_now_coarse();
	return f;
}

void afi_op_finish(struct afi_op *op, int error)
{
	afi_file_unqueue(op);
	afi_future_finish(op->future, error);
}

void afi_op_end(struct afi_op *op, int error)
{
	enum afi_direction direction = op->direction;
	struct af_file *file = op->file;

	afi_op_finish(op, error);
	afi_file_resume(file, direction);
}

int afi_op_wait(struct af_future *f, const struct timeval *timeout)
{
	/* While files are held it looks later, though there is no time. */
	if (!f->done && f->loop->held)
		return afi_future_expire_after(f, timeout);
	return afi_future_limit(f, timeout);
}

void afi_op_limit(struct afi_op *op, const struct timeval *timeout)
{
	if (afi_op_wait(op->future, timeout) < 0)
		afi_op_end(op, -ENOMEM);
}

void afi_op_cancel(struct af_future *f)
{
	afi_op_end(&AFI_CONTAINER(f, struct afi_file_op, future)->op,
		   -ECANCELED);
}

void afi_op_expire(struct af_future *f)
{
	afi_op_end(&AFI_CONTAINER(f, struct afi_file_op, future)->op,
		   -ETIMEDOUT);
}

size_t afi_op_progress(const struct af_future *f)
{
	return f->count;
}

void afi_op_describe(const struct af_future *f, FILE *out)
{
	const struct afi_file_op *op =
		AFI_CONTAINER(f, struct afi_file_op, future);

	fprintf(out, " fd %d", op->op.file->user_fd);
}
