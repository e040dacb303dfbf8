/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The input of a communicate: writes input of any kind to a file.
 */
#ifndef AFI_PIPELINE_INPUT_H
#define AFI_PIPELINE_INPUT_H

#include <stdbool.h>

#include <asyncfile/pipe.h>

struct afi_input {
	struct af_future *whole; /* the communicate; marked running during fn */
	struct af_file *file;	 /* of input_fd; or NULL */
	af_input_fn fn;
	void *arg;
	int error; /* the error that fn returned, or 0 */
};

/* Whether the options have what their input_kind needs. */
bool afi_input_valid(const struct af_communicate_options *options);
/* Whether there is no input, so that no stdin is needed. */
bool afi_input_is_none(const struct af_communicate_options *options);
/*
 * Starts to write the input after all pending writes; *ret is done when all of
 * it is written. 0 or -errno. Before this, set whole, and all other fields to
 * zero.
 */
int afi_input_start(struct afi_input *input, struct af_file *to,
		    const struct af_communicate_options *options,
		    struct af_future **ret);
/* Closes the file that was made of input_fd, if any. */
void afi_input_close(struct afi_input *input);

#endif
