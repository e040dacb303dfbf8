/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three standard streams of a child that is about to be started.
 */
#ifndef AFI_PROCESS_STDFDS_H
#define AFI_PROCESS_STDFDS_H

#include <stdbool.h>

#include <asyncfile/process.h>

#include "process/child.h"
#include "process/failure.h"

struct afi_stdfds {
	int child[3]; /* what the child gets; -1: see late, or it inherits */
	struct afi_child_stream late[3]; /* what it makes itself */
	bool opened[3];			 /* the parent must close child[i] */
	int parent[3];			 /* the other end of a pipe, or -1 */
	int tty;			 /* child[i] of each AFIO_PTY, or -1 */
	int master;			 /* the parent's side of it, or -1 */
	bool keep_err;	       /* child[2] stays open if the child starts */
	const mode_t *umask;   /* with keep_err: for child[2]; NULL: ours */
	struct af_file *taken; /* child[0]: stdout of an AFIO_PROCESS */
};

/* Whether an AFIO_PATH, of an output or an input, makes sense. */
bool afi_stdfds_path_valid(const struct af_stdio *stdio, bool output);
/*
 * Opens an AFIO_PATH for a child whose file mode creation mask is umask (NULL:
 * ours); the fd, or -errno.
 */
int afi_stdfds_open_path(const struct af_stdio *stdio, bool output,
			 const mode_t *umask);
/*
 * Makes a pipe that of a child's user and group (NULL: unchanged), if we may.
 * The child can open it again, by /dev/stdout, only if it owns it.
 */
void afi_stdfds_give_away(int fd, const uid_t *uid, const gid_t *gid);
/*
 * Opens what the options ask for, except paths, for a child with the user and
 * group of the plan. 0, or -errno and nothing is left open.
 */
int afi_stdfds_open(struct afi_stdfds *fds, const struct afi_child_plan *plan,
		    struct afi_failure *failure);
/*
 * Opens the paths, after that. May wait, and touches no loop. On failure the
 * rest stays open.
 */
int afi_stdfds_open_paths(struct afi_stdfds *fds,
			  const struct afi_child_plan *plan,
			  struct afi_failure *failure);
/* After the child has started: closes what was opened for it. */
void afi_stdfds_close_child(struct afi_stdfds *fds);
/* When it has not: closes all, and leaves taken as it was. */
void afi_stdfds_abandon(struct afi_stdfds *fds);

#endif
