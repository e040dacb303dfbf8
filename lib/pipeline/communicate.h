/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The communicate as an operation that consists of one sees it.
 */
#ifndef AFI_PIPELINE_COMMUNICATE_H
#define AFI_PIPELINE_COMMUNICATE_H

#include <stdbool.h>

#include <asyncfile/pipe.h>

/* Whether af_pipe_communicate() would take the options. */
bool afi_communicate_valid(const struct af_communicate_options *options);
/*
 * Sets the status of one that is done and had ended before its stages. One that
 * was never made, for want of memory, is left alone.
 */
void afi_communicate_know_status(struct af_future *f, int status);

#endif
