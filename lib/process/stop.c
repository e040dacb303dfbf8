/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stopping a process, and the group that it leads: SIGTERM, the grace period,
 * SIGKILL. A stop is a wait that sends signals. Does not know pipelines.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "process/notice.h"
#include "process/stop.h"
#include "process/wait.h"

/*
 * Fails if the child may not be signalled, as nothing would end it; one that
 * has ended needs none.
 */
static void stop_send(struct af_future *f, int sig)
{
	struct afi_process_wait *wait = afi_process_wait_of(f);
	struct af_process *process = wait->process;
	int r = afi_exit_signal_all(&process->exit, sig);

	if (r >= 0 || r == -ESRCH) {
		afi_process_expect_end(process, sig == SIGKILL);
		return;
	}
	/* It may have ended meanwhile. */
	af_future_ref(f);
	afi_process_look(process);
	if (!f->done)
		afi_process_wait_fail(wait, r);
	af_future_unref(f);
}

/* The wait goes on until the child has ended. */
static void stop_expire(struct af_future *f)
{
	struct af_process *process = afi_process_wait_of(f)->process;

	/* The child may have left the cgroup. */
	if (afi_process_kill_cgroup(process) == 0)
		afi_exit_signal_all(&process->exit, SIGKILL);
	else
		stop_send(f, SIGKILL);
}

struct af_future *afi_process_stop(struct af_process *process,
				   const struct timeval *grace)
{
	static const struct afi_future_ops stop_ops = {
		.name = "stop",
		.size = sizeof(struct afi_process_wait),
		.cancel = afi_process_wait_cancel,
		.expire = stop_expire,
		.describe = afi_process_wait_describe,
	};
	struct af_future *f;

	if (process && afi_loop_usable(process->loop) == 0)
		afi_process_look(process);
	f = afi_process_wait_new(process, &stop_ops, grace);
	if (!f->done && !afi_timeout_zero(grace))
		stop_send(f, SIGTERM);
	/* A stopped child would not see it before it is continued. */
	if (!f->done && !afi_timeout_zero(grace))
		afi_exit_signal_all(&process->exit, SIGCONT);
	return f;
}

struct af_future *af_process_stop(struct af_process *process,
				  const struct timeval *grace)
{
	struct af_future *f = afi_process_stop(process, grace);

	if (!f->done) {
		afi_process_wait_of(f)->kills_rest = grace;
	} else if (grace && (f->error == 0 || f->error == -ECHILD)) {
		afi_process_kill_cgroup(process);
		afi_exit_signal_group(&process->exit, SIGKILL);
	}
	return f;
}
