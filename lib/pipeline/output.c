/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access to the result of a communicate. Knows nothing of how it was collected.
 */
#include "config.h"

#include "base/container.h"
#include "pipeline/output.h"

const struct af_stage_output *af_output_stage(const struct af_output *output,
					      size_t stage)
{
	if (!output || stage >= output->n_stages)
		return NULL;
	return &AFI_CONTAINER(output, const struct afi_output, output)
			->stages[stage];
}
