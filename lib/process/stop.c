/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stopping a process, and the group that it leads: SIGTERM, grace, SIGKILL. A
 * stop is a wait that sends signals.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "process/process.h"

int afi_process_signal_all(const struct af_process *process, int sig)
{
	const struct afi_exit *e = &process->exit;

	return afi_exit_leads_group(e) ? afi_exit_signal_group(e, sig)
				       : afi_exit_signal(e, sig);
}

void afi_process_kill_rest(const struct af_process *process)
{
	afi_exit_signal_group(&process->exit, SIGKILL);
}

/* What has ended meanwhile cannot be told, and need not. */
static void tell(struct af_future *f, int sig)
{
	struct afi_process_wait *wait = (struct afi_process_wait *)f;
	int r = afi_process_signal_all(wait->process, sig);

	if (r < 0 && r != -ESRCH)
		afi_process_wait_finish(wait, r);
}

/* And goes on, until the child has ended. */
static void stop_expire(struct af_future *f)
{
	tell(f, SIGKILL);
}

struct af_future *afi_process_stop(struct af_process *process,
				   const struct timeval *grace)
{
	static const struct afi_future_ops ops = {
		.name = "stop",
		.size = sizeof(struct afi_process_wait),
		.cancel = afi_process_wait_cancel,
		.expire = stop_expire,
		.describe = afi_process_wait_describe,
	};
	struct af_future *f;

	if (process && afi_loop_alive(process->loop))
		afi_process_look(process);
	f = afi_process_wait_new(process, &ops, grace);
	if (!f->done && !afi_timeout_zero(grace))
		tell(f, SIGTERM);
	/* One that is stopped would not see it before it goes on. */
	if (!f->done && !afi_timeout_zero(grace))
		afi_process_signal_all(process, SIGCONT);
	return f;
}

struct af_future *af_process_stop(struct af_process *process,
				  const struct timeval *grace)
{
	struct af_future *f = afi_process_stop(process, grace);

	if (!f->done)
		((struct afi_process_wait *)f)->kills_rest = grace;
	else if (grace && (f->error == 0 || f->error == -ECHILD))
		afi_process_kill_rest(process);
	return f;
}

int af_process_signal_group(struct af_process *process, int sig)
{
	return process ? afi_exit_signal_group(&process->exit, sig) : -EINVAL;
}
