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
/* Opens what the stderr of all stages leads to; its fd, or -errno. */
int afi_stages_open_stderr(struct af_pipe *pipeline,
			   const struct af_spawn_options *options,
			   struct afi_failure *failure);
/*
 * The options of stage i. The stages before it have been started. err: the
 * descriptor from afi_stages_open_stderr(), or -1.
 */
struct af_spawn_options afi_stages_options(const struct af_pipe *pipeline,
					   size_t i,
					   const struct af_stage *stage,
					   const struct af_spawn_options *ends,
					   int err);
/* Whether a stage with these options belongs to the group of all. */
bool afi_stages_joins_group(const struct af_stage *stage,
			    const struct af_spawn_options *options);
/* Whether a process group has no member left: then no stage can join it. */
bool afi_stages_group_has_vanished(pid_t group);

#endif
