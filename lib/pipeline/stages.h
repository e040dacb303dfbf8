/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages of a pipeline that is being started, in whichever way.
 */
#ifndef AFI_PIPELINE_STAGES_H
#define AFI_PIPELINE_STAGES_H

#include "process/failure.h"
#include "pipeline/pipeline.h"

/* 0; or -EINVAL, and the loop's text says what makes no sense. */
int afi_stages_check(struct af_loop *loop, const struct af_stage *stages,
		     size_t n, const struct af_spawn_options *ends);
/* A list without options, for free(3), of *ret_n stages. NULL: no memory. */
struct af_stage *afi_stages_list(const char *const *const stages[],
				 size_t *ret_n);

/* The start of all stages, one after the other, in whichever way. */
struct afi_stages {
	struct af_pipe *pipeline; /* has the processes before next */
	const struct af_stage *stages;
	const struct af_spawn_options *ends;
	size_t next; /* the stage that is started, or will be */
	int err;     /* what the stderr of all leads to; -1: see the ends */
	pid_t group; /* of all; 0: the next stage that joins it leads it */
};

static inline bool afi_stages_all_started(const struct afi_stages *all)
{
	return all->next == all->pipeline->n_stages;
}

/*
 * Opens what the stderr of all stages leads to, if that is a pipe, or, with
 * may_wait, a file. 0 or -errno.
 */
int afi_stages_open_stderr(struct afi_stages *all, bool may_wait,
			   struct afi_failure *failure);
/* The options of the next stage. */
struct af_spawn_options afi_stages_options(const struct afi_stages *all);
/* Whether the stderr of the next stage is that of all. */
bool afi_stages_shares_stderr(const struct afi_stages *all);
/* The next stage has started as this process. */
void afi_stages_add(struct afi_stages *all, struct af_process *process);
/*
 * The start of the next stage has failed with -errno. True: start it again, as
 * it may lead the group of all now.
 */
bool afi_stages_retry(struct afi_stages *all, int error);

#endif
