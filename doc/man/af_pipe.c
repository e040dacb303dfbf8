/* SPDX-License-Identifier: BSD-3-Clause */
/* Connects two children and uses them as one: tr a-z A-Z | sort. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static struct af_pipe *start(struct af_loop *loop)
{
	const char *const tr[] = { "tr", "a-z", "A-Z", NULL };
	const char *const sort[] = { "sort", NULL };
	struct af_spawn_options options = { .in.kind = AFIO_PIPE,
					    .out.kind = AFIO_PIPE };
	struct af_process *first, *last;
	struct af_pipe *pipeline = NULL;

	first = af_spawn(loop, tr, &options);
	options.in.kind = AFIO_PROCESS;
	options.in.process = first;
	last = first ? af_spawn(loop, sort, &options) : NULL;
	if (last)
		pipeline = af_pipe_new(first, last);
	if (!pipeline) {
		fprintf(stderr, "%s\n", af_spawn_error(loop));
		af_process_free(first);
		af_process_free(last);
	}
	return pipeline;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipeline = start(loop);
	struct af_future *steps[3];
	int r = 0;

	steps[0] = af_pipe_write(pipeline, "pear\nfig\n", 9, AFIO_FULL, NULL);
	steps[1] = af_pipe_finish_stdin(pipeline, NULL);
	steps[2] = af_pipe_read(pipeline, 0, 0, NULL);
	for (int i = 0; i < 3 && r == 0; i++)
		r = af_await(steps[i]);
	if (r == 0)
		printf("%s", af_future_data(steps[2], NULL));
	else
		fprintf(stderr, "tr | sort: %s\n", strerror(-r));
	for (int i = 0; i < 3; i++)
		af_future_unref(steps[i]);
	af_pipe_close(pipeline);
	af_loop_free(loop);
	return r != 0;
}
