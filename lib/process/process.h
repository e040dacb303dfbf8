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
	bool killed; /* an orphan that ends soon: the loop's end waits for it */
	struct afi_end end; /* valid once it has ended */
	struct event event;
	struct afi_watch watch;	  /* while event is on the base */
	struct afi_task again;	  /* of an orphan that could not be watched */
	struct af_file *files[3]; /* the parent's ends; NULL: none */
	struct af_file *pty;	  /* those of them that are a terminal */
	struct afi_process_members members;
	/* They wait to close stdin, and are told -ECANCELED: it was closed. */
	struct afi_process_members finishes;
	void *data; /* the program's own */
};

/*
 * Whether a process or pipeline can be made with loop: 0; or -EINVAL for NULL,
 * -EPERM on another thread, -ECANCELED once the loop was freed.
 */
int afi_process_check_loop(const struct af_loop *loop);
/*
 * A pending operation on a process or pipeline of loop (NULL: there is none).
 * valid: its arguments make sense. Never NULL: where it cannot be made, a
 * future that has failed with -EINVAL, -EPERM, -ECANCELED or -ENOMEM.
 */
struct af_future *afi_process_operation(struct af_loop *loop, bool valid,
					const struct afi_future_ops *ops);

/* A process without a child or files. NULL, with errno. */
struct af_process *afi_process_new(struct af_loop *loop);
/* Closes its files. */
void afi_process_close_files(struct af_process *process);
/* Frees it, and what there is of its exit. Its files must be closed. */
void afi_process_discard(struct af_process *process);
/* Adds a member, or takes one out that has not been told. */
void afi_process_join(struct af_process *process,
		      struct afi_process_member *member,
		      void (*tell)(struct afi_process_member *, int));
void afi_process_leave(struct af_process *process,
		       struct afi_process_member *member);
/* Looks whether the child has ended; if so, tells the members. */
void afi_process_look(struct af_process *process);
/* Has the base do that once the child ends; 0 or -errno. */
int afi_process_watch(struct af_process *process);
/* Closes its files and tells its members -ECANCELED. */
void afi_process_abandon(struct af_process *process);
/*
 * Kills a child that has not ended. Once the process is freed, the loop reaps
 * it, at the latest when it is freed itself.
 */
void afi_process_kill(struct af_process *process);
/* Kills a child and frees the process; the loop reaps it. NULL is fine. */
void afi_process_drop(struct af_process *process);
/*
 * Kills a child, waits for it, and frees the process: the way back from a
 * half-built pipeline. A child that may not be killed is left running.
 */
void afi_process_destroy(struct af_process *process);

#endif
