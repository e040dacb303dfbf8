/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The communicate, for operations that are built on it.
 */
#ifndef AFI_PIPELINE_COMMUNICATE_H
#define AFI_PIPELINE_COMMUNICATE_H

#include <stdbool.h>

#include <asyncfile/pipe.h>

/* Whether af_pipe_communicate() would take the options. */
bool afi_communicate_valid(const struct af_communicate_options *options);
/*
 * Sets the status of one that was done before its stages had ended. Does
 * nothing to one that could not be made for lack of memory.
 */
void afi_communicate_know_status(struct af_future *f, int status);

#endif
