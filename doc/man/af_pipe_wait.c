/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports the status of a pipeline and of each of its stages. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int main(void)
{
	const char *const yes[] = { "yes", NULL };
	const char *const fail[] = { "sh", "-c", "read line; exit 3", NULL };
	const char *const cat[] = { "cat", NULL };
	const char *const *const stages[] = { yes, fail, cat, NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipeline = af_pipe_spawn(loop, stages, NULL);
	struct af_future *end = af_pipe_wait(pipeline, NULL);
	int r = af_await(end);
	int whole = af_future_status(end);

	if (!pipeline)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	else if (r < 0)
		fprintf(stderr, "the pipeline: %s\n", strerror(-r));
	else
		printf("exit status %d\n", WEXITSTATUS(whole));
	for (size_t i = 0; r == 0 && i < af_pipe_stages(pipeline); i++) {
		int status = af_pipe_status(pipeline, i);

		if (WIFSIGNALED(status))
			printf("stage %zu: signal %d\n", i, WTERMSIG(status));
		else
			printf("stage %zu: exit status %d\n", i,
			       WEXITSTATUS(status));
	}
	af_future_unref(end);
	af_pipe_close(pipeline);
	af_loop_free(loop);
	return r != 0;
}
