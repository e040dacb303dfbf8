/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starting a program: system calls and memory only, no loop.
 */
#ifndef AFI_SPAWN_H
#define AFI_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/* What a child is to be. */
struct afi_spawn {
	const char *const *argv;
	const char *file; /* the program, searched for in PATH */
	const char *const *env;
	const char *cwd; /* NULL: stay */
	int fds[3];	 /* what is to be 0, 1 and 2; -1: what is there */
};

/*
 * Starts it. *ret_pidfd: a descriptor for it, or -1 where there are none. The
 * pid, or the negative errno of what failed, execve(2) included; there is no
 * child then.
 */
pid_t afi_spawn(const struct afi_spawn *spawn, int *ret_pidfd);

#endif
