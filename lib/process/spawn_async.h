/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An asynchronous start as a pipeline sees it.
 */
#ifndef AFI_PROCESS_SPAWN_ASYNC_H
#define AFI_PROCESS_SPAWN_ASYNC_H

#include <stdbool.h>

#include <asyncfile/process.h>

/*
 * af_spawn_async(). err_of: NULL; or err is an AFIO_PATH of those options, is
 * opened with their umask, and is for the stages that follow, too.
 */
struct af_future *afi_spawn_async(struct af_loop *loop,
				  const char *const argv[],
				  const struct af_spawn_options *options,
				  const struct af_spawn_options *err_of);
/* Takes that descriptor out of a future that has succeeded; or -1. */
int afi_spawn_async_take_err(struct af_future *f);

#endif
