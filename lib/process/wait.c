/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for a process: futures that are members of it, so that its end
 * completes them. Knows nothing of pipelines.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "process/notice.h"
#include "process/wait.h"

/* Its member has left the process. */
static void process_wait_finish(struct afi_process_wait *wait, int error)
{
	struct af_process *process = wait->process;

	if (process->ended && error == 0) {
		wait->future.status = process->end.status;
		if (wait->kills_rest) {
			afi_process_kill_cgroup(process);
			afi_exit_signal_group(&process->exit, SIGKILL);
		}
		if (process->end.status < 0)
			error = -ECHILD;
	}
	afi_future_finish(&wait->future, error);
}

static void process_wait_tell(struct afi_process_member *member, int error)
{
	process_wait_finish(
		AFI_CONTAINER(member, struct afi_process_wait, member), error);
}

void afi_process_wait_fail(struct afi_process_wait *wait, int error)
{
	afi_process_leave(wait->process, &wait->process->members,
			  &wait->member);
	process_wait_finish(wait, error);
}

void afi_process_wait_cancel(struct af_future *f)
{
	afi_process_wait_fail(afi_process_wait_of(f), -ECANCELED);
}

void afi_process_wait_describe(const struct af_future *f, FILE *out)
{
	const struct afi_process_wait *wait =
		AFI_CONTAINER(f, const struct afi_process_wait, future);

	fprintf(out, " for process %d", (int)wait->process->exit.pid);
}

struct af_future *afi_process_wait_new(struct af_process *process,
				       const struct afi_future_ops *ops,
				       const struct timeval *timeout)
{
	struct af_future *f =
		afi_operation_begin(process ? process->loop : NULL,
				    afi_timeout_valid(timeout), ops);
	struct afi_process_wait *wait = afi_process_wait_of(f);
	int r = 0;

	if (f->done)
		return f;
	wait->process = process;
	if (process->held)
		afi_process_look(process);
	if (process->ended && !process->held) {
		process_wait_finish(wait, 0);
		return f;
	}
	afi_process_join(&process->members, &wait->member, process_wait_tell);
	if (afi_timeout_zero(timeout)) {
		ops->expire(f);
		timeout = NULL;
	}
	if (f->done)
		return f;
	r = afi_process_watch(process);
	if (r == 0)
		r = afi_future_expire_after(f, timeout);
	if (r < 0)
		afi_process_wait_fail(wait, r);
	return f;
}

static void process_wait_expire(struct af_future *f)
{
	struct afi_process_wait *wait = afi_process_wait_of(f);

	af_future_ref(f);
	afi_process_look(wait->process);
	/* An end that is held counts, though its status is not known. */
	if (!f->done)
		afi_process_wait_fail(wait,
				      wait->process->ended ? 0 : -ETIMEDOUT);
	af_future_unref(f);
}

struct af_future *af_process_wait(struct af_process *process,
				  const struct timeval *timeout)
{
	static const struct afi_future_ops process_wait_ops = {
		.name = "wait",
		.size = sizeof(struct afi_process_wait),
		.cancel = afi_process_wait_cancel,
		.expire = process_wait_expire,
		.describe = afi_process_wait_describe,
	};

	return afi_process_wait_new(process, &process_wait_ops, timeout);
}
