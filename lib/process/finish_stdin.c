/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Closing a child's stdin once the pending writes are done. A terminal stays
 * open, and the character that ends its input is written to it.
 */
#include "config.h"

#include <errno.h>

#include "file/op.h"
#include "process/finish_stdin.h"
#include "process/process.h"
#include "process/pty.h"

/* On a terminal; in its queue of writes. */
struct finish {
	struct af_future future;
	struct afi_op op;
	struct af_process *process; /* NULL: the file was taken out of it */
};

static int finish_stdin_step(struct afi_op *op)
{
	struct finish *finish =
		AFI_CONTAINER(op->future, struct finish, future);
	struct af_file *file = op->file;
	int r = -ECANCELED;

	/* First: without memory, the write below steps the queue again. */
	afi_file_unqueue(op);
	/* It may have been closed meanwhile. */
	if (!finish->process)
		r = afi_pty_end_input(file);
	else if (finish->process->files[0])
		r = af_process_close_stdin(finish->process);
	afi_future_finish(&finish->future, r);
	return 0;
}

void afi_finish_stdin_leave(struct af_file *pty)
{
	struct afi_op *op;

	TAILQ_FOREACH (op, &pty->ops[AFI_WRITE], entry)
		if (op->step == finish_stdin_step)
			AFI_CONTAINER(op->future, struct finish, future)
				->process = NULL;
}

struct af_future *af_process_finish_stdin(struct af_process *process,
					  const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "finish stdin",
		.size = sizeof(struct finish),
		.cancel = afi_op_cancel,
		.expire = afi_op_expire,
		.describe = afi_op_describe,
	};
	struct af_file *file = af_process_stdin(process);
	struct af_future *f;
	struct afi_op *op;

	if (file && file != process->pty)
		return af_file_finish(file, timeout);
	f = afi_operation_begin(process ? process->loop : NULL,
				afi_timeout_valid(timeout), &ops);
	if (f->done)
		return f;
	if (!file) {
		afi_future_finish(f, 0);
		return f;
	}
	AFI_CONTAINER(f, struct finish, future)->process = process;
	op = &AFI_CONTAINER(f, struct finish, future)->op;
	f->since = afi_now_coarse();
	afi_op_init(op, f, AFI_WRITE, finish_stdin_step);
	afi_file_queue(file, op);
	afi_op_limit(op, timeout);
	return f;
}
