/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a child that nobody wants any more, in the thread that started it.
 * Knows no loop.
 */
#include "config.h"

#include <signal.h>
#include <unistd.h>

#include "process/cgroup.h"
#include "process/foreground.h"
#include "process/process.h"
#include "process/stray.h"

void afi_stray_take(struct afi_stray *stray, struct af_process *process,
		    pid_t group)
{
	bool shared =
		process->tty >= 0 && afi_foreground_is_shared(process, group);

	stray->tty = afi_foreground_leave(process);
	stray->group = shared ? 0 : group;
	stray->cgroup = process->cgroup;
	process->cgroup = -1;
}

/* With all that it may have started already. */
static void stray_kill(const struct afi_stray *stray, pid_t pid, int pidfd)
{
	struct afi_exit child;

	afi_exit_init(&child, pid, pidfd);
	if (stray->cgroup >= 0)
		afi_cgroup_kill(stray->cgroup);
	afi_exit_signal_all(&child, SIGKILL);
	afi_exit_await(&child);
	afi_exit_release(&child);
}

void afi_stray_end(struct afi_stray *stray, pid_t pid, int pidfd)
{
	if (pid > 0)
		stray_kill(stray, pid, pidfd);
	if (stray->cgroup >= 0)
		close(stray->cgroup);
	/* Only now can the child no longer take it. */
	if (stray->tty >= 0)
		afi_foreground_reclaim(stray->tty,
				       stray->group ? stray->group : pid);
}
