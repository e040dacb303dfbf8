/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flushing an on-disk file: fsync(2), queued with the writes.
 */
#include "config.h"

#include "file/op.h"

static int sync_step(struct afi_op *op)
{
	int r = op->file->transport->sync(op->file);

	if (r == -EAGAIN)
		r = afi_file_await(op->file, AFI_WRITE);
	if (r == -EAGAIN)
		return -EAGAIN;
	afi_op_finish(op, r);
	return 0;
}

struct af_future *af_file_sync(struct af_file *file,
			       const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "sync",
		.size = sizeof(struct afi_file_op),
		.cancel = afi_op_cancel,
		.expire = afi_op_expire,
		.describe = afi_op_describe,
	};
	struct afi_op *op;
	struct af_future *f;
	int r = afi_file_check(file);

	if (file && !afi_timeout_valid(timeout))
		r = -EINVAL;
	if (r == 0 && !file->transport->sync)
		r = -EINVAL; /* as fsync(2) */
	f = afi_op_new(file, &ops, r);
	if (f->done)
		return f;
	op = &AFI_CONTAINER(f, struct afi_file_op, future)->op;
	afi_op_init(op, f, AFI_WRITE, sync_step);
	afi_file_queue(file, op);
	afi_op_limit(op, timeout);
	return f;
}
