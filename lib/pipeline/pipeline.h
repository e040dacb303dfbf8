/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipe as communicate sees it.
 */
#ifndef AFI_PIPELINE_PIPELINE_H
#define AFI_PIPELINE_PIPELINE_H

#include <sys/queue.h>

#include <asyncfile/pipe.h>

#include "future/future.h"

/* Something that is asked of a pipe, and cancelled when it is closed. */
struct afi_pipe_op {
	LIST_ENTRY(afi_pipe_op) entry;
	struct af_future *future;
};

struct af_pipe {
	struct af_loop *loop;
	size_t n_stages;
	struct af_process **stages;
	struct af_file *err; /* all stages' stderr; NULL: see the last one's */
	LIST_HEAD(, afi_pipe_op) ops;
};

void afi_pipe_add(struct af_pipe *pipe, struct afi_pipe_op *op,
		  struct af_future *f);
void afi_pipe_remove(struct afi_pipe_op *op);

#endif
