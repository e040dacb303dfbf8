/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Noticing what a child does: its end by an event on its pidfd, or, where no
 * event reports it, by the loop's lookout; its stops by the lookout only.
 * Knows neither how a child is started nor the futures that wait for it.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/container.h"
#include "base/evbase.h"
#include "loop/deadline.h"
#include "process/foreground.h"
#include "process/notice.h"
#include "process/pidns.h"

/*
 * How long an end of unknown status is held, in nanoseconds. A program that has
 * handed one over will do so again.
 */
#define HOLD_SHORT INT64_C(20000000)
#define HOLD_LONG INT64_C(500000000)

/* When the lookout first looks, in milliseconds: soon; after a kill. */
#define FIRST_LOOK 1
#define FIRST_LOOK_KILLED 32

void afi_process_tell(struct afi_process_members *members, int error)
{
	struct afi_process_member *member;

	while ((member = TAILQ_FIRST(members))) {
		TAILQ_REMOVE(members, member, entry);
		member->tell(member, error);
	}
}

void afi_process_join(struct afi_process_members *members,
		      struct afi_process_member *member,
		      void (*tell)(struct afi_process_member *, int))
{
	member->tell = tell;
	TAILQ_INSERT_TAIL(members, member, entry);
}

static void notice_stop_event(struct af_process *process)
{
	if (process->watch.move)
		event_del(&process->event);
	afi_watch_stop(&process->watch);
}

/* Some may no longer wait: ends what only they need. */
static void notice_relax(struct af_process *process)
{
	if (TAILQ_EMPTY(&process->changes))
		process->look_for &= ~(unsigned)AFI_LOOK_CHANGE;
	if (TAILQ_EMPTY(&process->changes) && TAILQ_EMPTY(&process->members)) {
		notice_stop_event(process);
		process->look_for &= AFI_LOOK_TERMINAL;
	}
	if (!process->look_for)
		afi_lookout_stop(process->loop, &process->looked);
	else if (process->look_for == AFI_LOOK_TERMINAL)
		afi_process_look_for(process, AFI_LOOK_TERMINAL);
}

void afi_process_leave(struct af_process *process,
		       struct afi_process_members *members,
		       struct afi_process_member *member)
{
	TAILQ_REMOVE(members, member, entry);
	notice_relax(process);
}

void afi_process_unwatch(struct af_process *process)
{
	notice_stop_event(process);
	process->look_for = 0;
	afi_lookout_stop(process->loop, &process->looked);
}

void afi_process_discard(struct af_process *process)
{
	afi_process_unwatch(process);
	if (process->ended) {
		afi_exit_reap(&process->exit);
		afi_foreground_end(process);
	}
	afi_exit_close(&process->exit);
	if (process->tty >= 0)
		close(process->tty);
	if (process->cgroup >= 0)
		close(process->cgroup);
	afi_task_cancel(&process->loop->later, &process->again);
	afi_loop_leave(&process->loop->members, &process->member);
	LIST_REMOVE(process, child);
	afi_loop_unref(process->loop);
	free(process);
}

static void notice_tell_all(struct af_process *process)
{
	process->held = false;
	afi_process_unwatch(process);
	afi_process_tell(&process->members, 0);
	afi_process_tell(&process->changes, 0);
}

/* Whether the program may have a status that it has not handed over yet. */
static bool notice_may_know_more(const struct af_process *process)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	if (process->end.status >= 0 || process->orphan ||
	    !afi_loop_alive(process->loop))
		return false;
	/* The kernel reaps its children, and nobody has their status. */
	sigaction(SIGCHLD, NULL, &action);
	return action.sa_handler != SIG_IGN &&
	       !(action.sa_flags & SA_NOCLDWAIT);
}

/* Holds the end back for a moment: whether that is possible. */
static bool notice_hold(struct af_process *process)
{
	if (TAILQ_EMPTY(&process->members) && TAILQ_EMPTY(&process->changes))
		return true;
	/* Its event would not cease. */
	notice_stop_event(process);
	return afi_process_look_for(process, AFI_LOOK_END) == 0;
}

static void notice_end(struct af_process *process)
{
	process->ended = true;
	afi_foreground_end(process);
	if (notice_may_know_more(process)) {
		process->held = true;
		process->hold_until =
			afi_now() +
			(process->loop->told_statuses ? HOLD_LONG : HOLD_SHORT);
		if (notice_hold(process))
			return;
	}
	notice_tell_all(process);
}

static void notice_look(struct af_process *process, bool readable)
{
	if (process->held && afi_now() >= process->hold_until)
		notice_tell_all(process);
	if (!process->ended &&
	    afi_exit_look(&process->exit, readable, &process->end) == 1)
		notice_end(process);
}

void afi_process_look(struct af_process *process)
{
	notice_look(process, false);
}

void afi_process_hand_over(struct af_process *process, int status)
{
	process->exit.gone = true;
	if (process->ended && process->end.status >= 0)
		return;
	process->ended = true;
	afi_foreground_end(process);
	process->end = (struct afi_end){ .status = status };
	notice_tell_all(process);
	if (process->orphan)
		afi_process_discard(process);
}

void afi_process_look_for_change(struct af_process *process)
{
	int status;

	if (process->ended ||
	    afi_exit_look_for_change(&process->exit, &status) == 0)
		return;
	process->change = status;
	if (WIFSTOPPED(status))
		afi_foreground_stopped(process);
	process->gave_back = WIFSTOPPED(status);
	afi_process_tell(&process->changes, 0);
	notice_relax(process);
}

/* A stop stays for the waits of the program, which may come later. */
static void notice_look_for_stop(struct af_process *process)
{
	bool stopped = afi_exit_is_stopped(&process->exit);

	if (stopped && !process->gave_back)
		afi_foreground_stopped(process);
	process->gave_back = stopped;
}

/*
 * The first process of a pid namespace ends only after all others in there were
 * reaped. We keep those that lead a group: their groups end with it, too.
 */
static void notice_clear_way(const struct af_process *process)
{
	struct af_process *other, *next;
	long last = 0;
	int depth = afi_pidns_depth(process->exit.pid, &last);

	if (depth < 2 || last != 1)
		return;
	for (other = LIST_FIRST(&process->loop->children); other;
	     other = next) {
		next = LIST_NEXT(other, child);
		if (other == process || other->exit.gone ||
		    afi_pidns_depth(other->exit.pid, &last) < depth)
			continue;
		afi_process_look(other);
		if (other->ended && other->orphan)
			afi_process_discard(other);
		else if (other->ended)
			afi_exit_reap(&other->exit);
	}
}

static void notice_on_end(evutil_socket_t fd, short what, void *arg)
{
	struct af_process *process = arg;

	(void)fd;
	(void)what;
	/* A child by fork(2) that took the base over. */
	if (!afi_loop_is_here(process->loop)) {
		event_del(&process->event);
		return;
	}
	notice_look(process, true);
	if (process->ended && process->orphan) {
		afi_process_discard(process);
		return;
	}
	if (process->ended)
		return;
	/* A tracer holds it: the event would not cease. */
	if (afi_process_look_for(process, AFI_LOOK_END) == 0)
		notice_stop_event(process);
}

static int notice_add_event(struct af_process *process)
{
	afi_event_assign(&process->event, process->loop->base,
			 process->exit.pidfd, EV_READ | EV_PERSIST,
			 notice_on_end, process);
	if (process->orphan) /* an orphan does not keep the base running */
		afi_event_set_internal(&process->event);
	return event_add(&process->event, NULL) ? -ENOMEM : 0;
}

static int notice_move(struct afi_watch *watch)
{
	struct af_process *process =
		AFI_CONTAINER(watch, struct af_process, watch);

	event_del(&process->event);
	return notice_add_event(process);
}

static int notice_watch_pidfd(struct af_process *process)
{
	int r = process->watch.move ? 0 : notice_add_event(process);

	if (r == 0)
		afi_loop_watch(process->loop, &process->watch, notice_move);
	return r;
}

/* Now and then; until there is no reason any more. */
static void notice_patrol(struct afi_looked *looked)
{
	struct af_process *process =
		AFI_CONTAINER(looked, struct af_process, looked);
	bool readable;

	if (process->exit.pid == 0)
		return; /* it is being started */
	readable = afi_exit_is_readable(&process->exit);
	notice_look(process, readable);
	if (process->ended) {
		if (process->orphan)
			afi_process_discard(process);
		return;
	}
	if (process->look_for & AFI_LOOK_KILLED)
		notice_clear_way(process);
	if (process->look_for & AFI_LOOK_TERMINAL)
		notice_look_for_stop(process);
	if (process->look_for & AFI_LOOK_CHANGE)
		afi_process_look_for_change(process);
	/* Its end was reported too early: it will be again. */
	if (process->look_for & AFI_LOOK_END && !readable &&
	    process->exit.pidfd >= 0 && notice_watch_pidfd(process) == 0) {
		process->look_for &= ~AFI_LOOK_END;
		if (!process->look_for)
			afi_lookout_stop(process->loop, &process->looked);
	}
}

int afi_process_look_for(struct af_process *process, unsigned reason)
{
	int first = reason == AFI_LOOK_KILLED ? FIRST_LOOK_KILLED : FIRST_LOOK;
	bool keeps = (process->look_for | reason) != AFI_LOOK_TERMINAL;
	int r = afi_lookout_start(process->loop, &process->looked, first,
				  keeps && !process->orphan, notice_patrol);

	if (r == 0)
		process->look_for |= reason;
	return r;
}

int afi_process_watch(struct af_process *process)
{
	/* Its end is held, or a tracer holds it; or no event can be had. */
	if (process->exit.pidfd < 0 || process->held ||
	    process->look_for & AFI_LOOK_END || notice_watch_pidfd(process) < 0)
		return afi_process_look_for(process, AFI_LOOK_END);
	return 0;
}

void afi_process_expect_end(struct af_process *process, bool killed)
{
	if (process->ended || !afi_loop_alive(process->loop))
		return;
	if (process->look_for & AFI_LOOK_END)
		afi_process_look_for(process, AFI_LOOK_END);
	if (killed && (process->orphan || !TAILQ_EMPTY(&process->members)))
		afi_process_look_for(process, AFI_LOOK_KILLED);
}
