/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a command with a limit on its time and prints what it wrote. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int main(void)
{
	const char *const argv[] = { "sh", "-c",
				     "cat; echo no more >&2; exit 3", NULL };
	const struct timeval limit = { .tv_sec = 10 };
	const struct af_run_options options = {
		.communicate = { .input_kind = AFIO_INPUT_MEMORY,
				 .input = "hello\n",
				 .input_len = 6,
				 .timeout = &limit },
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *run = af_run(loop, argv, &options);
	int r = af_await(run);
	const struct af_output *output = af_future_output(run);

	if (r == 0)
		printf("stdout: %sstderr: %sexit status: %d\n", output->out,
		       output->err, WEXITSTATUS(output->status));
	else if (af_future_spawn_step(run) != AFIO_STEP_NONE)
		fprintf(stderr, "%s\n", af_future_spawn_error(run));
	else
		fprintf(stderr, "sh: %s\n", strerror(-r));
	af_future_unref(run);
	af_loop_free(loop);
	return r != 0;
}
