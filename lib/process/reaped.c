/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statuses of children that the program has reaped itself, and hands over.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/container.h"
#include "process/notice.h"
#include "process/reaped.h"

/*
 * How many are kept: a start may be stuck for as long as the program reaps
 * others. Its own child has not ended then: that status will be a newer one.
 */
#define REAPED_MAX 1024

/* One for which there is no process yet, while children are being started. */
struct reaped {
	struct afi_member member; /* of loop->last */
	struct af_loop *loop;
	pid_t pid;
	int status;
};

static void reaped_orphan(struct afi_member *member)
{
	struct reaped *reaped = AFI_CONTAINER(member, struct reaped, member);

	afi_loop_leave(&reaped->loop->last, member);
	free(reaped);
}

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
	r = afi_loop_usable(process->loop);
	if (r < 0)
		return r;
	if (!reaped_can_be(process))
		return -EBUSY;
	process->loop->told_statuses = true;
	afi_process_hand_over(process, status);
	return 0;
}

/* Whether a child is being started, whose number is not known yet. */
static bool reaped_may_come(const struct af_loop *loop)
{
	const struct af_process *process;

	LIST_FOREACH (process, &loop->children, child)
		if (process->exit.pid == 0)
			return true;
	return false;
}

/* Makes room for one more. */
static void reaped_drop_oldest(struct af_loop *loop)
{
	struct afi_member *member, *oldest = NULL;
	unsigned n = 0;

	TAILQ_FOREACH (member, &loop->last, entry) {
		if (member->orphan != reaped_orphan)
			continue;
		if (n++ == 0)
			oldest = member;
	}
	if (n >= REAPED_MAX)
		reaped_orphan(oldest);
}

static int reaped_keep(struct af_loop *loop, pid_t pid, int status)
{
	struct reaped *reaped;

	if (!reaped_may_come(loop))
		return 0;
	reaped = malloc(sizeof(*reaped));
	if (!reaped)
		return -ENOMEM;
	reaped->loop = loop;
	reaped->pid = pid;
	reaped->status = status;
	reaped_drop_oldest(loop);
	afi_loop_join(&loop->last, &reaped->member, reaped_orphan);
	return 0;
}

void afi_reaped_look(struct af_process *process)
{
	bool keep = reaped_may_come(process->loop);
	struct afi_member *member, *next;
	struct reaped *reaped;

	for (member = TAILQ_FIRST(&process->loop->last); member;
	     member = next) {
		next = TAILQ_NEXT(member, entry);
		if (member->orphan != reaped_orphan)
			continue;
		reaped = AFI_CONTAINER(member, struct reaped, member);
		if (reaped->pid == process->exit.pid && reaped_can_be(process))
			afi_process_hand_over(process, reaped->status);
		else if (keep)
			continue;
		reaped_orphan(member);
	}
}

int af_loop_reaped(struct af_loop *loop, pid_t pid, int status)
{
	struct af_process *process, *found = NULL;
	int r;

	if (!loop || pid <= 0 || !reaped_is_end(status))
		return -EINVAL;
	r = afi_loop_usable(loop);
	if (r < 0)
		return r;
	loop->told_statuses = true;
	/* A newer child may have got the number: the oldest was reaped first. */
	LIST_FOREACH (process, &loop->children, child)
		if (process->exit.pid == pid && reaped_can_be(process) &&
		    (!found || !process->ended || process->end.status < 0))
			found = process;
	if (!found)
		return reaped_keep(loop, pid, status);
	afi_process_hand_over(found, status);
	return 1;
}
