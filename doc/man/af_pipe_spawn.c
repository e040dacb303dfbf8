/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the smallest line of standard input: sort | head -n 1. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	const char *const sort[] = { "sort", NULL };
	const char *const head[] = { "head", "-n", "1", NULL };
	const char *const *const stages[] = { sort, head, NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipeline = af_pipe_spawn(loop, stages, NULL);
	struct af_future *end = af_pipe_wait(pipeline, NULL);
	int r = af_await(end);

	if (!pipeline)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	else if (r < 0)
		fprintf(stderr, "sort | head: %s\n", strerror(-r));
	else
		r = af_future_status(end);
	af_future_unref(end);
	af_pipe_close(pipeline);
	af_loop_free(loop);
	return r != 0;
}
