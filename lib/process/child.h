/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What runs in the child, between its start and its program's.
 */
#ifndef AFI_PROCESS_CHILD_H
#define AFI_PROCESS_CHILD_H

#include "process/clone.h"

/* As the kernel has them: 64 signals, all bits of a signal set. */
#define AFI_KERNEL_SIGNALS 64
#define AFI_KERNEL_SIGSET_SIZE (AFI_KERNEL_SIGNALS / 8)

/* All that the child needs, made before it exists. */
struct afi_child {
	const struct afi_spawn *spawn;
	char **paths;	/* the program, wherever it may be; NULL-ended */
	char **sh_argv; /* for a script without "#!" */
	pid_t parent;
	int error_fd;	     /* takes the failure, if memory is not shared */
	volatile int shared; /* set by a child that shares our memory */
	struct afi_failure failure;
};

/* Becomes the program, or says why not and exits. For clone(2). */
int afi_child_main(void *child);

#endif
