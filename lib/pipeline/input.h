/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The input of a communicate, of whatever kind, on its way into a file.
 */
#ifndef AFI_PIPELINE_INPUT_H
#define AFI_PIPELINE_INPUT_H

#include <stdbool.h>

#include <asyncfile/pipe.h>

struct afi_input {
	struct af_future *whole; /* the communicate: it runs while fn does */
	struct af_file *file;	 /* of a descriptor; or NULL */
	af_input_fn fn;
	void *arg;
	int error; /* what fn failed with, or 0 */
};

/* Whether the options say where it comes from. */
bool afi_input_valid(const struct af_communicate_options *options);
/*
 * Starts to write it, behind what is being written; *ret is done when it is
 * over. 0 or -errno. With whole set, and otherwise zero before.
 */
int afi_input_start(struct afi_input *input, struct af_file *to,
		    const struct af_communicate_options *options,
		    struct af_future **ret);
/* Lets go of what it was read from. */
void afi_input_close(struct afi_input *input);

#endif
