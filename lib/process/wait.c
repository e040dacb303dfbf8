/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for a process: futures that its end finishes.
 */
#include "config.h"

#include <errno.h>

#include "process/process.h"

void afi_process_wait_finish(struct afi_process_wait *wait, int error)
{
	struct af_process *process = wait->process;

	if (process->ended && error == 0) {
		wait->future.status = process->end.status;
		if (wait->kills_rest)
			afi_process_kill_rest(process);
		if (process->end.status < 0)
			error = -ECHILD;
	}
	TAILQ_REMOVE(&process->waits, wait, entry);
	if (TAILQ_EMPTY(&process->waits))
		afi_process_unwatch(process);
	afi_future_finish(&wait->future, error);
}

void afi_process_wait_cancel(struct af_future *f)
{
	afi_process_wait_finish((struct afi_process_wait *)f, -ECANCELED);
}

void afi_process_wait_describe(const struct af_future *f, FILE *out)
{
	const struct afi_process_wait *wait = (const void *)f;

	fprintf(out, " for process %d", (int)wait->process->exit.pid);
}

struct af_future *afi_process_wait_new(struct af_process *process,
				       const struct afi_future_ops *ops,
				       const struct timeval *timeout)
{
	struct af_loop *loop = process ? process->loop : NULL;
	struct afi_process_wait *wait;
	struct af_future *f;
	int r;

	if (!process || !afi_timeout_valid(timeout))
		return afi_future_failed(loop, -EINVAL);
	if (!afi_loop_alive(loop))
		return afi_future_failed(loop, -ECANCELED);
	f = afi_operation_new(loop, ops);
	if (!f)
		return afi_future_failed(loop, -ENOMEM);
	wait = (struct afi_process_wait *)f;
	wait->process = process;
	TAILQ_INSERT_TAIL(&process->waits, wait, entry);
	if (process->ended)
		afi_process_wait_finish(wait, 0);
	else if (afi_timeout_zero(timeout))
		ops->expire(f);
	if (f->done)
		return f;
	r = afi_process_watch(process);
	if (r == 0)
		r = afi_future_expire_after(
			f, afi_timeout_zero(timeout) ? NULL : timeout);
	if (r < 0)
		afi_process_wait_finish(wait, r);
	return f;
}

static void wait_expire(struct af_future *f)
{
	struct afi_process_wait *wait = (struct afi_process_wait *)f;

	af_future_ref(f);
	afi_process_look(wait->process);
	if (!f->done)
		afi_process_wait_finish(wait, -ETIMEDOUT);
	af_future_unref(f);
}

struct af_future *af_process_wait(struct af_process *process,
				  const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "wait",
		.size = sizeof(struct afi_process_wait),
		.cancel = afi_process_wait_cancel,
		.expire = wait_expire,
		.describe = afi_process_wait_describe,
	};

	return afi_process_wait_new(process, &ops, timeout);
}
