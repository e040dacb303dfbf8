/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child, from its creation to its program.
 */
#ifndef AFI_PROCESS_CHILD_H
#define AFI_PROCESS_CHILD_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include <asyncfile/process.h>

#include "process/failure.h"

/* As the kernel has them: 64 signals, all bits of a signal set. */
#define AFI_KERNEL_SIGNALS 64
#define AFI_KERNEL_SIGSET_SIZE (AFI_KERNEL_SIGNALS / 8)

/* What to make of a child. Its streams and environment are made already. */
struct afi_child_plan {
	const char *const *argv;
	const char *program; /* without a slash: searched for in PATH */
	const char *const *env;
	const struct af_spawn_options *options; /* for the attributes */
	struct af_fd_map *fds; /* all that it gets; the child changes them */
	size_t n_fds;
	int tty;	/* becomes its controlling terminal; -1: none */
	char **paths;	/* where the program may be; NULL-ended */
	char **sh_argv; /* for a script without "#!" */
	/* Set once nobody wants the child any more; NULL: never. */
	const atomic_bool *unwanted;
};

/* All that the child needs, made before it exists. */
struct afi_child {
	const struct afi_child_plan *plan;
	pid_t parent;
	int error_fd;	     /* takes the failure, if memory is not shared */
	volatile int shared; /* set by a child that shares our memory */
	bool is_user;	     /* the real and saved ids are the user's, too */
	struct afi_failure failure;
};

/* Becomes the program, or says why not and exits. For clone(2). */
int afi_child_main(void *child);

#endif
