/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finishing a file: it is closed once everything that was written has been
 * sent. The operation has a place in the queue of writes. A step may run inside
 * a call of the transport, so a task closes the file.
 */
#include "config.h"

#include "file/op.h"

struct finish {
	struct af_future future;
	struct afi_op op;
	struct afi_task task; /* closes the file */
	int late;	      /* the late error, once it closes the file */
};

static struct finish *finish_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct finish, future);
}

/* Leaves the queue, and is not about to close the file any more. */
static void finish_leave(struct finish *finish)
{
	afi_task_cancel(&finish->future.loop->ready, &finish->task);
	afi_file_unqueue(&finish->op);
}

static void finish_end(struct finish *finish, int error)
{
	struct af_file *file = finish->op.file;

	finish_leave(finish);
	afi_future_finish(&finish->future, error);
	afi_file_resume(file, AFI_WRITE);
}

/* All has gone, or was lost: closes the file. */
static void finish_close(struct finish *finish)
{
	struct af_file *file = finish->op.file;
	int r;

	if (file->transport->take_late_error)
		finish->late = file->transport->take_late_error(file);
	/* A bufferevent has a timeout of its own, after which it goes on. */
	if (finish->late == -ETIMEDOUT) {
		finish_end(finish, finish->late);
		return;
	}
	afi_file_hold(file);
	af_future_ref(&finish->future);
	finish_leave(finish);
	file->finished = true;
	r = afi_file_shut(file);
	if (!finish->future.done)
		afi_future_finish(&finish->future,
				  finish->late ? finish->late : r);
	af_future_unref(&finish->future);
	afi_file_let_go(file);
}

static bool finish_is_sending(const struct af_file *file)
{
	return file->transport->is_sending && file->transport->is_sending(file);
}

/* Sends the last bytes of a layer. Whether it must still wait for them. */
static bool finish_say_farewell(struct af_file *file)
{
	if (file->transport->farewell)
		file->transport->farewell(file);
	return finish_is_sending(file);
}

static void finish_on_task(struct afi_task *task)
{
	struct finish *finish = AFI_CONTAINER(task, struct finish, task);
	int r;

	if (!finish_say_farewell(finish->op.file)) {
		finish_close(finish);
		return;
	}
	r = afi_file_await(finish->op.file, AFI_WRITE);
	if (r != -EAGAIN)
		finish_end(finish, r);
}

static int finish_step(struct afi_op *op)
{
	struct finish *finish = finish_of(op->future);
	int r = -EAGAIN;

	if (finish_is_sending(op->file))
		r = afi_file_await(op->file, AFI_WRITE);
	else if (!finish->task.run)
		afi_loop_ready(op->file->loop, &finish->task, finish_on_task);
	if (r == -EAGAIN)
		return r;
	finish_leave(finish);
	afi_future_finish(op->future, r);
	return 0;
}

/* Ends one that is closing the file, which runs code of the program. */
static void finish_at_once(struct finish *finish)
{
	afi_future_finish(&finish->future, finish->late);
}

/* When another one has closed the file, this one has what it wanted, too. */
static void finish_cancel(struct af_future *f)
{
	struct finish *finish = finish_of(f);

	if (!finish->op.file)
		finish_at_once(finish);
	else
		finish_end(finish, finish->op.file->finished ? 0 : -ECANCELED);
}

static void finish_expire(struct af_future *f)
{
	struct finish *finish = finish_of(f);

	if (!finish->op.file)
		finish_at_once(finish);
	else if (afi_file_is_first(&finish->op) &&
		 !finish_is_sending(finish->op.file) &&
		 !finish_say_farewell(finish->op.file))
		finish_close(finish);
	else
		finish_end(finish, -ETIMEDOUT);
}

struct af_future *af_file_finish(struct af_file *file,
				 const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "finish",
		.size = sizeof(struct finish),
		.cancel = finish_cancel,
		.expire = finish_expire,
		.describe = afi_op_describe,
	};
	int r = afi_file_check(file);
	bool finished = r == -EBADF;
	struct afi_op *op;
	struct af_future *f;

	if (file && !afi_timeout_valid(timeout))
		r = -EINVAL;
	f = afi_op_new(file, &ops, r == -EBADF ? 0 : r);
	if (f->done)
		return f;
	if (finished) {
		afi_future_finish(f, 0);
		return f;
	}
	op = &finish_of(f)->op;
	afi_op_init(op, f, AFI_WRITE, finish_step);
	afi_file_queue(file, op);
	if (afi_op_wait(f, timeout) < 0)
		finish_end(finish_of(f), -ENOMEM);
	return f;
}
