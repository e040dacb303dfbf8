/* SPDX-License-Identifier: BSD-3-Clause */
/* A pipeline whose stages have options of their own: (cd / && pwd) | tr / r. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static int print_output(struct af_pipe *pipeline)
{
	struct af_future *all = af_pipe_communicate(pipeline, NULL);
	int r = af_await(all);

	if (r == 0)
		printf("%s", af_future_output(all)->out);
	af_future_unref(all);
	return r;
}

int main(void)
{
	const char *const pwd[] = { "pwd", NULL };
	const char *const tr[] = { "tr", "/", ":", NULL };
	const struct af_spawn_options in_root = { .cwd = "/" };
	const struct af_stage stages[] = {
		{ .argv = pwd, .options = &in_root },
		{ .argv = tr },
	};
	const struct af_spawn_options ends = { .out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *start;
	struct af_pipe *pipeline = NULL;
	int r;

	start = af_pipe_spawn_stages_async(loop, stages, 2, &ends);
	r = af_await(start);
	if (r < 0) {
		fprintf(stderr, "%s\n", af_future_spawn_error(start));
	} else {
		pipeline = af_future_take_pipe(start);
		r = print_output(pipeline);
	}
	af_future_unref(start);
	af_pipe_close(pipeline);
	af_loop_free(loop);
	return r != 0;
}
