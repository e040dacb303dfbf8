/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process as the rest of its folder and the pipelines see it: a child's
 * exit, the parent's ends of its streams, and members that are told of its end.
 * It knows neither the futures that wait for it nor how it was started.
 */
#ifndef AFI_PROCESS_PROCESS_H
#define AFI_PROCESS_PROCESS_H

#include <pthread.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <asyncfile/process.h>

#include "file/file.h"
#include "process/exit.h"

/* Something that waits for a child's end. */
struct afi_process_member {
	TAILQ_ENTRY(afi_process_member) entry;
	/*
	 * Called once, after the member left the list. error: 0, the child has
	 * ended; or -ECANCELED, its files are closed or it is about to be freed.
	 */
	void (*tell)(struct afi_process_member *member, int error);
};
TAILQ_HEAD(afi_process_members, afi_process_member);

/* Why the loop's lookout looks at a process. */
enum {
	AFI_LOOK_END = 1 << 0,	  /* no event reports it, or it is held back */
	AFI_LOOK_CHANGE = 1 << 1, /* no event reports that the child stops */
	AFI_LOOK_KILLED = 1 << 2, /* our zombies may be in its way */
	AFI_LOOK_TERMINAL = 1 << 3, /* it has our terminal, and may stop */
};

/*
 *  running --(seen to end)--> ended
 *     |                         |
 *     +----af_process_free------+--> freed; a running one stays with its loop,
 *                                    as an orphan, until it is reaped
 *
 * An end whose status is unknown is held for a moment, as the program may still
 * hand the status over: the process has ended, and nobody is told before.
 */
struct af_process {
	struct af_loop *loop;
	struct afi_member member;
	LIST_ENTRY(af_process) child; /* of loop->children */
	struct afi_exit exit;
	int cgroup; /* to kill it with all that it has started; -1: none */
	bool ended;
	bool held; /* it has ended, and its status may still be handed over */
	bool orphan;
	bool listed; /* inside af_pipe_from(), which wants each one once */
	bool killed; /* an orphan that ends soon: the loop's end waits for it */
	bool kill_on_free;
	bool gave_back;	 /* the terminal, since it stopped */
	unsigned users;	 /* operations of pipelines on its files */
	int tty;	 /* our terminal, its group's until it ends; -1: not */
	pid_t tty_group; /* that group; 0: not known yet */
	struct afi_end end; /* valid once it has ended */
	int change;	    /* the wait status of a stop, for changes */
	struct event event;
	struct afi_watch watch;	  /* while event is on the base */
	struct afi_looked looked; /* while there is a reason to look */
	unsigned look_for;	  /* AFI_LOOK_... */
	int64_t hold_until;	  /* see afi_now() */
	struct afi_task again;	  /* of an orphan that could not be watched */
	struct af_file *files[3]; /* the parent's ends; NULL: none */
	struct af_file *pty;	  /* those of them that are a terminal */
	struct afi_process_members members;
	struct afi_process_members changes; /* told of stops, too */
	void *data;			    /* the program's own */
};

/* A process without a child or files. NULL, with errno. */
struct af_process *afi_process_new(struct af_loop *loop);
/* Closes its files. */
void afi_process_close_files(struct af_process *process);
/* Closes its files and tells its members -ECANCELED. */
void afi_process_abandon(struct af_process *process);
/*
 * Kills a child that has not ended. Once the process is freed, the loop reaps
 * it, at the latest when it is freed itself.
 */
void afi_process_kill(struct af_process *process);
/* Kills a child and frees the process; the loop reaps it. NULL is fine. */
void afi_process_drop(struct af_process *process);
/* Kills all that is in the child's cgroup; 0, -errno, -ENOENT: it has none. */
int afi_process_kill_cgroup(const struct af_process *process);
/*
 * Kills a child, waits for it, and frees the process: the way back from a
 * half-built pipeline. A child that may not be killed is left running.
 */
void afi_process_destroy(struct af_process *process);

#endif
