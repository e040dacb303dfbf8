/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statuses of children that the program has reaped itself, and hands over.
 */
#include "config.h"

#include <errno.h>
#include <sys/wait.h>

#include "process/notice.h"

/* Whether waitpid(2) returned it for an end; it does so for stops, too. */
static bool reaped_is_end(int status)
{
	return WIFEXITED(status) || WIFSIGNALED(status);
}

/* Whether the program can have reaped it: its end may have been seen, too. */
static bool reaped_can_be(const struct af_process *process)
{
	/* Without a pidfd, this may be a newer child that has the number. */
	return process->exit.gone || process->exit.pidfd < 0 ||
	       !afi_exit_is_ours(&process->exit);
}

int af_process_set_status(struct af_process *process, int status)
{
	int r;

	if (!process || !reaped_is_end(status))
		return -EINVAL;
	r = afi_process_check_loop(process->loop);
	if (r < 0)
		return r;
	if (!reaped_can_be(process))
		return -EBUSY;
	process->loop->told_statuses = true;
	afi_process_hand_over(process, status);
	return 0;
}

int af_loop_reaped(struct af_loop *loop, pid_t pid, int status)
{
	struct af_process *process, *found = NULL;
	int r;

	if (!loop || pid <= 0 || !reaped_is_end(status))
		return -EINVAL;
	r = afi_process_check_loop(loop);
	if (r < 0)
		return r;
	loop->told_statuses = true;
	/* A newer child may have got the number: the oldest was reaped first. */
	LIST_FOREACH (process, &loop->children, child)
		if (process->exit.pid == pid && reaped_can_be(process) &&
		    (!found || !process->ended || process->end.status < 0))
			found = process;
	if (!found)
		return 0;
	afi_process_hand_over(found, status);
	return 1;
}
