/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The input of a communicate, by kind. Knows neither the pipeline nor what is
 * read from it.
 */
#include "config.h"

#include <errno.h>

#include "file/feed.h"
#include "file/file.h"
#include "pipeline/input.h"

bool afi_input_valid(const struct af_communicate_options *options)
{
	switch (options->input_kind) {
	case AFIO_INPUT_NONE:
	case AFIO_INPUT_FD:
		return true;
	case AFIO_INPUT_MEMORY:
		return options->input || options->input_len == 0;
	case AFIO_INPUT_FILE:
		return options->input_file;
	case AFIO_INPUT_CALLBACK:
		return options->input_fn;
	}
	return false;
}

bool afi_input_is_none(const struct af_communicate_options *options)
{
	return options->input_kind == AFIO_INPUT_NONE ||
	       (options->input_kind == AFIO_INPUT_MEMORY &&
		options->input_len == 0);
}

/* The program's function may end the communicate, and so free the input. */
static ssize_t input_ask(void *buf, size_t len, void *arg)
{
	struct afi_input *input = arg;
	struct af_future *whole = af_future_ref(input->whole);
	ssize_t n;

	whole->running = true;
	n = input->fn(buf, len, input->arg);
	whole->running = false;
	if (n < 0)
		input->error = (int)n;
	af_future_unref(whole);
	return n;
}

int afi_input_start(struct afi_input *input, struct af_file *to,
		    const struct af_communicate_options *options,
		    struct af_future **ret)
{
	switch (options->input_kind) {
	case AFIO_INPUT_NONE:
		*ret = af_file_write(to, "", 0, 0, NULL);
		return 0;
	case AFIO_INPUT_MEMORY:
		*ret = af_file_write(to, options->input, options->input_len,
				     AFIO_FULL | AFIO_BORROW, NULL);
		return 0;
	case AFIO_INPUT_FD:
		input->file = af_file_new(input->whole->loop, options->input_fd,
					  AFIO_KEEP_FD);
		if (!input->file)
			return -errno;
		*ret = af_file_copy(input->file, to, -1, NULL);
		return 0;
	case AFIO_INPUT_FILE:
		*ret = af_file_copy(options->input_file, to, -1, NULL);
		return 0;
	case AFIO_INPUT_CALLBACK:
		input->fn = options->input_fn;
		input->arg = options->input_arg;
		*ret = afi_feed(to, input_ask, input);
		return 0;
	}
	return -EINVAL;
}

void afi_input_close(struct afi_input *input)
{
	af_file_close(input->file);
	input->file = NULL;
}
