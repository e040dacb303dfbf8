/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The result of a communicate: the public part and its array.
 */
#ifndef AFI_PIPELINE_OUTPUT_H
#define AFI_PIPELINE_OUTPUT_H

#include <asyncfile/pipe.h>

struct afi_output {
	struct af_output output;
	struct af_stage_output *stages; /* output.n_stages of them */
};

#endif
