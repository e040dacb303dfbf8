/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a pipeline, and prints its output and the status of each stage. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int main(void)
{
	const char *const source[] = { "sh", "-c", "echo b; echo a; exit 4",
				       NULL };
	const char *const sort[] = { "sort", NULL };
	const char *const *const stages[] = { source, sort, NULL };
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipe = af_pipe_spawn(loop, stages, &pipes);
	struct af_future *done;
	int r, source_status, sort_status;

	if (!pipe)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	done = af_pipe_communicate(pipe, NULL);
	r = af_await(done);
	source_status = af_pipe_status(pipe, 0);
	sort_status = af_pipe_status(pipe, 1);
	if (r == 0)
		printf("%ssource: %d, sort: %d\n", af_future_output(done)->out,
		       WEXITSTATUS(source_status), WEXITSTATUS(sort_status));
	else
		fprintf(stderr, "pipe: %s\n", strerror(-r));
	af_future_unref(done);
	af_pipe_close(pipe);
	af_loop_free(loop);
	return r != 0;
}
