/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting a program: system calls and memory only, no loop.
 */
#ifndef AFI_PROCESS_CLONE_H
#define AFI_PROCESS_CLONE_H

#include <sys/types.h>

#include <asyncfile/process.h>

#include "process/failure.h"

/* What a child is to be; its streams and its environment are made already. */
struct afi_spawn {
	const char *const *argv;
	const char *file; /* the program, searched for in PATH */
	const char *const *env;
	const struct af_spawn_options *options; /* for the attributes */
	struct af_fd_map *fds;			/* all that it gets; used up */
	size_t n_fds;
	int tty; /* to be its controlling terminal; -1: none */
};

/*
 * Starts it. *ret_pidfd: a descriptor for it, or -1 where there are none. The
 * pid, or the negative errno of what failed, execve(2) included; there is no
 * child then.
 */
pid_t afi_spawn(const struct afi_spawn *spawn, int *ret_pidfd,
		struct afi_failure *failure);

#endif
