/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipeline as the operations on whole pipelines see it. It knows none of
 * them.
 */
#ifndef AFI_PIPELINE_PIPELINE_H
#define AFI_PIPELINE_PIPELINE_H

#include <asyncfile/pipe.h>

#include "base/queue.h"
#include "future/future.h"

/* An operation on a pipeline, cancelled when that is closed. */
struct afi_pipeline_op {
	LIST_ENTRY(afi_pipeline_op) entry;
	struct af_future *future;
	struct af_pipe *uses;	  /* its files, which must stay; NULL: none */
};

struct af_pipe {
	struct af_loop *loop;
	size_t n_stages;
	struct af_process **stages;
	struct af_file *err; /* shared by all stages; NULL: the last one's */
	LIST_HEAD(, afi_pipeline_op) ops;
	void *data; /* the program's own */
};

/* Makes one with n stages, which the caller must fill in. NULL, with errno. */
struct af_pipe *afi_pipeline_new(struct af_loop *loop, size_t n);
/* Frees it, which has no operations left, and each stage by free_process. */
void afi_pipeline_free(struct af_pipe *pipeline,
		       void (*free_process)(struct af_process *));

/* All streams that can be read: stdout, the stderr of all, each stage's own. */
enum { AFI_STREAM_OUT, AFI_STREAM_ERR, AFI_STREAM_STAGE_ERR };

/* Where the file of stream i, below AFI_STREAM_STAGE_ERR + n_stages, is kept. */
struct af_file *const *afi_pipeline_stream(const struct af_pipe *pipeline,
					   size_t i);

void afi_pipeline_add(struct af_pipe *pipeline, struct afi_pipeline_op *op,
		      struct af_future *f);
/* The same of one that uses the files of the stages. */
void afi_pipeline_add_user(struct af_pipe *pipeline, struct afi_pipeline_op *op,
			   struct af_future *f);
void afi_pipeline_remove(struct afi_pipeline_op *op);

/*
 * Calls fn when part is done. Takes a reference to whole, which fn must drop.
 */
static inline void afi_pipeline_expect(struct af_future *whole,
				       struct af_future *part, af_done_fn fn,
				       void *arg)
{
	af_future_ref(whole);
	af_on_done(af_future_ref(part), fn, arg);
}

#endif
