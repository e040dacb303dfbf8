/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Closing a child's stdin once what is pending has been written: a write of no
 * bytes, last in the file's queue, and then the close.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "process/process.h"

struct finish {
	struct af_future future;
	struct afi_process_member member; /* of process->finishes */
	struct af_process *process;
	struct af_future *written;
};

static struct finish *finish_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct finish, future);
}

/* It has left the process's list. */
static void finish_end(struct finish *finish, int error)
{
	af_future_cancel(finish->written);
	afi_future_finish(&finish->future, error);
}

static void finish_leave(struct finish *finish, int error)
{
	TAILQ_REMOVE(&finish->process->finishes, &finish->member, entry);
	finish_end(finish, error);
}

static void finish_tell(struct afi_process_member *member, int error)
{
	finish_end(AFI_CONTAINER(member, struct finish, member), error);
}

static void finish_on_written(struct af_future *done, void *arg)
{
	struct finish *finish = arg;
	int error = af_future_error(done);

	if (!finish->future.done) {
		if (error == 0)
			error = af_process_close_stdin(finish->process);
		finish_leave(finish, error);
	}
	af_future_unref(&finish->future);
}

static void finish_cancel(struct af_future *f)
{
	finish_leave(finish_of(f), -ECANCELED);
}

static void finish_destroy(struct af_future *f)
{
	af_future_unref(finish_of(f)->written);
}

struct af_future *af_process_finish_stdin(struct af_process *process,
					  const struct timeval *timeout)
{
	static const struct afi_future_ops finish_ops = {
		.name = "finish stdin",
		.size = sizeof(struct finish),
		.cancel = finish_cancel,
		.destroy = finish_destroy,
	};
	struct af_future *f =
		afi_process_operation(process ? process->loop : NULL,
				      afi_timeout_valid(timeout), &finish_ops);
	struct finish *finish = finish_of(f);

	if (f->done)
		return f;
	if (!process->files[0]) {
		afi_future_finish(f, 0);
		return f;
	}
	f->since = afi_now_coarse();
	finish->process = process;
	finish->member.tell = finish_tell;
	TAILQ_INSERT_TAIL(&process->finishes, &finish->member, entry);
	finish->written = af_file_write(process->files[0], "", 0, 0, timeout);
	af_future_ref(f);
	af_on_done(af_future_ref(finish->written), finish_on_written, finish);
	return f;
}
