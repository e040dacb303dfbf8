/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copy of arguments and options, for a start that goes on after its call.
 */
#ifndef AFI_PROCESS_SPAWN_COPY_H
#define AFI_PROCESS_SPAWN_COPY_H

#include <asyncfile/process.h>

struct afi_spawn_copy {
	struct af_spawn_options options; /* env is not NULL */
	const char *const *argv;
};

/*
 * Copies them and all that they point to, except for a process; NULL: no memory.
 * They need not make sense. free(3) frees it.
 */
struct afi_spawn_copy *afi_spawn_copy(const char *const argv[],
				      const struct af_spawn_options *options);

#endif
