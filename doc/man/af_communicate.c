/* SPDX-License-Identifier: BSD-3-Clause */
/* Feeds a pipeline from memory and collects all that its stages write. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static const char text[] = "pear\nfig\npear\n";

static void print(const struct af_output *output)
{
	printf("%s", output->out);
	for (size_t i = 0; i < output->n_stages; i++)
		printf("stage %zu: %s", i, af_output_stage(output, i)->err);
}

int main(void)
{
	const char *const sort[] = { "sh", "-c", "sort -u; echo sorted >&2",
				     NULL };
	const char *const tr[] = { "sh", "-c", "tr a-z A-Z; echo done >&2",
				   NULL };
	const char *const *const stages[] = { sort, tr, NULL };
	const struct af_spawn_options pipes = { .in.kind = AFIO_PIPE,
						.out.kind = AFIO_PIPE,
						.err.kind = AFIO_PIPE_EACH };
	const struct timeval limit = { .tv_sec = 10 };
	const struct af_communicate_options options = {
		.input_kind = AFIO_INPUT_MEMORY,
		.input = text,
		.input_len = strlen(text),
		.timeout = &limit,
		.max_output = 65536,
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipeline = af_pipe_spawn(loop, stages, &pipes);
	struct af_future *all = af_pipe_communicate(pipeline, &options);
	int r = af_await(all);

	if (r == 0)
		print(af_future_output(all));
	else
		fprintf(stderr, "sort | tr: %s\n", strerror(-r));
	af_future_unref(all);
	af_pipe_close(pipeline);
	af_loop_free(loop);
	return r != 0;
}
