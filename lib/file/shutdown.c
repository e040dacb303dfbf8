/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shutting down a connection: the reading half at once; the writing half after
 * the queued writes, for which it takes a place in their queue.
 */
#include "config.h"

#include <sys/socket.h>

#include "file/hangup.h"
#include "file/op.h"

static int shutdown_half(struct af_file *file, int how)
{
	int r;

	if (how != SHUT_WR) {
		/* First, so that it does not look like the peer's shutdown. */
		file->shut_read = true;
		afi_hangup_rearm(file);
	}
	r = file->transport->shutdown(file, how);
	if (r < 0)
		return r;
	/* The kernel does not wake readers of a datagram socket. */
	if (how != SHUT_WR) {
		file->drained[AFI_READ] = false;
		afi_file_step(file, AFI_READ);
	}
	return 0;
}

static int shutdown_step(struct afi_op *op)
{
	int r = shutdown_half(op->file, SHUT_WR);

	if (!op->future->done)
		afi_op_finish(op, r);
	return 0;
}

/* Queues it behind the writes; 0 or -ENOMEM. */
static int shutdown_later(struct af_file *file)
{
	static const struct afi_future_ops ops = {
		.name = "shutdown",
		.size = sizeof(struct afi_file_op),
		.cancel = afi_op_cancel,
		.describe = afi_op_describe,
	};
	struct af_future *f = afi_op_new(file, &ops, 0);
	struct afi_op *op;

	if (f->done)
		return -ENOMEM;
	op = &AFI_CONTAINER(f, struct afi_file_op, future)->op;
	afi_op_init(op, f, AFI_WRITE, shutdown_step);
	afi_file_queue(file, op);
	af_future_unref(f);
	return 0;
}

int af_file_shutdown(struct af_file *file, int how)
{
	int r;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return -EINVAL;
	r = afi_file_check(file);
	if (r < 0)
		return r;
	if (!file->transport->can_shutdown)
		return -ENOTSOCK;
	r = file->transport->can_shutdown(file, how);
	if (r < 0)
		return r;
	afi_file_hold(file);
	if (how == SHUT_RD || TAILQ_EMPTY(&file->ops[AFI_WRITE])) {
		r = shutdown_half(file, how);
	} else {
		r = shutdown_later(file);
		if (r == 0 && how == SHUT_RDWR)
			r = shutdown_half(file, SHUT_RD);
	}
	afi_file_let_go(file);
	return r;
}
