/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process as its waits, its stop and pipes see it.
 */
#ifndef AFI_PROCESS_PROCESS_H
#define AFI_PROCESS_PROCESS_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <asyncfile/process.h>

#include "file/file.h"
#include "process/exit.h"

/*
 *  running --(seen to end)--> ended
 *     |                         |
 *     +----af_process_free------+--> freed; a running one stays with its loop,
 *                                    as an orphan, until it is reaped
 */
struct af_process {
	struct af_loop *loop;
	struct afi_member member;
	struct afi_exit exit;
	bool ended;
	bool orphan;
	struct afi_end end; /* when it has ended */
	struct event event;
	struct afi_watch watch;	  /* when event is on the base */
	struct afi_task again;	  /* of an orphan that could not be watched */
	struct af_file *files[3]; /* the parent's ends; NULL: none */
	struct af_file *pty;	  /* those of them that are a terminal */
	TAILQ_HEAD(, afi_process_wait) waits;
};

/* A future that the child's end finishes, if nothing else does before. */
struct afi_process_wait {
	struct af_future future;
	TAILQ_ENTRY(afi_process_wait) entry;
	struct af_process *process;
	bool kills_rest; /* of the group, when its leader has ended */
};

/* One without a child or files. NULL, with errno. */
struct af_process *afi_process_new(struct af_loop *loop);
/* Frees it, and what there is of its exit. Its files must be closed. */
void afi_process_discard(struct af_process *process);
/* Looks whether the child has ended, and tells whoever waits. */
void afi_process_look(struct af_process *process);
/* Has the base look, once it has; 0 or -errno. */
int afi_process_watch(struct af_process *process);
void afi_process_unwatch(struct af_process *process);
/* Closes its files and cancels what waits. */
void afi_process_abandon(struct af_process *process);

/*
 * Waits: lib/process/wait.c. A future of ops, which are these functions where no
 * other is needed; a zero timeout expires at once.
 */
struct af_future *afi_process_wait_new(struct af_process *process,
				       const struct afi_future_ops *ops,
				       const struct timeval *timeout);
void afi_process_wait_finish(struct afi_process_wait *wait, int error);
void afi_process_wait_cancel(struct af_future *f);
void afi_process_wait_describe(const struct af_future *f, FILE *out);

/* af_process_stop(), but what is left of the group is spared: lib/process/stop.c. */
struct af_future *afi_process_stop(struct af_process *process,
				   const struct timeval *grace);
/* Kills that, once the child has ended. */
void afi_process_kill_rest(const struct af_process *process);
/* A signal to the child, or to the group that it leads. 0 or -errno. */
int afi_process_signal_all(const struct af_process *process, int sig);

/*
 * Kills a child, waits for it, and frees: the way back from a half-built chain.
 * One that may not be killed is freed alone.
 */
void afi_process_destroy(struct af_process *process);

#endif
