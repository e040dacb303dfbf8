/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for a change of a process: its child stops, continues or ends. The
 * loop's lookout looks for the first two.
 */
#include "config.h"

#include <errno.h>

#include "base/container.h"
#include "process/notice.h"

struct change {
	struct af_future future;
	struct afi_process_member member; /* of process->changes */
	struct af_process *process;
};

static struct change *change_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct change, future);
}

/* Its member has left the process. */
static void change_finish(struct change *change, int error)
{
	struct af_process *process = change->process;

	if (error == 0)
		change->future.status =
			process->ended ? process->end.status : process->change;
	if (error == 0 && process->ended && process->end.status < 0)
		error = -ECHILD;
	afi_future_finish(&change->future, error);
}

static void change_tell(struct afi_process_member *member, int error)
{
	change_finish(AFI_CONTAINER(member, struct change, member), error);
}

static void change_leave(struct change *change, int error)
{
	struct af_process *process = change->process;

	afi_process_leave(process, &process->changes, &change->member);
	change_finish(change, error);
}

static void change_cancel(struct af_future *f)
{
	change_leave(change_of(f), -ECANCELED);
}

static void change_look(struct af_process *process)
{
	afi_process_look(process);
	afi_process_look_for_change(process);
}

static void change_expire(struct af_future *f)
{
	struct change *change = change_of(f);

	af_future_ref(f);
	change_look(change->process);
	/* An end that is held counts, though its status is not known. */
	if (!f->done)
		change_leave(change, change->process->ended ? 0 : -ETIMEDOUT);
	af_future_unref(f);
}

static void change_describe(const struct af_future *f, FILE *out)
{
	const struct change *change =
		AFI_CONTAINER(f, const struct change, future);

	fprintf(out, " of process %d", (int)change->process->exit.pid);
}

static int change_start(struct change *change, const struct timeval *timeout)
{
	int r = afi_process_look_for(change->process, AFI_LOOK_CHANGE);

	if (r == 0)
		r = afi_process_watch(change->process);
	if (r == 0)
		r = afi_future_expire_after(&change->future, timeout);
	return r;
}

struct af_future *af_process_wait_change(struct af_process *process,
					 const struct timeval *timeout)
{
	static const struct afi_future_ops change_ops = {
		.name = "wait for a change",
		.size = sizeof(struct change),
		.cancel = change_cancel,
		.expire = change_expire,
		.describe = change_describe,
	};
	struct af_future *f =
		afi_operation_begin(process ? process->loop : NULL,
				    afi_timeout_valid(timeout), &change_ops);
	struct change *change = change_of(f);
	int r;

	if (f->done)
		return f;
	change->process = process;
	if (process->ended && !process->held) {
		change_finish(change, 0);
		return f;
	}
	afi_process_join(&process->changes, &change->member, change_tell);
	if (afi_timeout_zero(timeout))
		change_expire(f);
	else
		change_look(process);
	if (f->done)
		return f;
	r = change_start(change, timeout);
	if (r < 0)
		change_leave(change, r);
	return f;
}
