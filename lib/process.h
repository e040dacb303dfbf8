/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process as pipes see it.
 */
#ifndef AFI_PROCESS_H
#define AFI_PROCESS_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <asyncfile/process.h>

#include "exit.h"
#include "file.h"

/*
 *  running --(reaped)--> ended
 *     |                    |
 *     +--af_process_free---+--> freed; a running one stays with its loop, as
 *                               an orphan, until it is reaped
 */
struct af_process {
	struct af_loop *loop;
	struct afi_member member;
	struct afi_exit exit;
	bool ended;
	bool orphan;
	int status; /* when it has ended; -1: nobody told us */
	struct event event;
	struct afi_watch watch;	  /* when event is on the base */
	struct af_file *files[3]; /* the parent's ends; NULL: none */
	struct af_file *pty;	  /* those of them that are a terminal */
	TAILQ_HEAD(, afi_process_wait) waits;
};

/* Kills a child, waits for it, and frees: the way back from a half-built
 * chain. */
void afi_process_destroy(struct af_process *process);

#endif
