/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A start in three parts, of which only the one in the middle may wait.
 */
#ifndef AFI_PROCESS_SPAWN_H
#define AFI_PROCESS_SPAWN_H

#include <asyncfile/process.h>

#include "process/clone.h"
#include "process/stdfds.h"

struct afi_start {
	struct af_process *process; /* of the loop's thread; NULL: none */
	const struct af_spawn_options *options;
	struct afi_child_plan plan;
	const char **env; /* if it was edited */
	uid_t uid;	  /* with reset_ids */
	gid_t gid;
	struct afi_stdfds fds;
	struct afi_failure failure;
	pid_t pid; /* of the child; or -errno, see failure */
	int pidfd;
};

/*
 * Checks the options and makes what takes no time, with a process that has its
 * files, but no child. 0; or -errno and failure, and nothing is left. argv and
 * options must stay until the start is over.
 */
int afi_start_prepare(struct afi_start *start, struct af_loop *loop,
		      const char *const argv[],
		      const struct af_spawn_options *options);
/*
 * Opens paths and creates the child, in any thread; sets pid. birth: as for
 * afi_clone(). Then closes what was opened for the child.
 */
void afi_start_run(struct afi_start *start, struct afi_birth *birth);
/* In place of that, with an error. Sets no failure. */
void afi_start_skip(struct afi_start *start, int error);
/* The process, or NULL if there is no child. Frees what the start holds. */
struct af_process *afi_start_finish(struct afi_start *start);
/* Frees what the start holds, except for the process. */
void afi_start_clear(struct afi_start *start);

#endif
