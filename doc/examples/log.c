/* SPDX-License-Identifier: BSD-3-Clause */
/* Logs the output of every stage of a pipeline, line by line. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static int log_line(const struct af_line *line, void *arg)
{
	const char *const *names = arg;

	printf("%s, %s: %.*s", names[line->stage],
	       line->stream == 1 ? "stdout" : "stderr", (int)line->len,
	       line->data);
	return 0;
}

int main(void)
{
	const char *const fetch[] = { "sh", "-c",
				      "echo pear; echo fig; echo 2 found >&2",
				      NULL };
	const char *const sort[] = { "sort", NULL };
	const char *const *const stages[] = { fetch, sort, NULL };
	const char *names[] = { "fetch", "sort" };
	struct af_spawn_options pipes = { .out.kind = AFIO_PIPE,
					  .err.kind = AFIO_PIPE_EACH };
	const struct timeval limit = { .tv_sec = 10 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipe = af_pipe_spawn(loop, stages, &pipes);
	struct af_future *log;
	int r, status;

	log = af_with_timeout(af_pipe_each_line(pipe, log_line, names), &limit);
	r = af_await(log);
	status = af_future_status(log);
	if (r == 0)
		printf("exit status %d\n", WEXITSTATUS(status));
	else
		fprintf(stderr, "no log: %s\n", strerror(-r));
	af_future_unref(log);
	af_pipe_close(pipe);
	af_loop_free(loop);
	return r != 0;
}
