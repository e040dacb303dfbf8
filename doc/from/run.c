/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a command with input, collects its output, and limits its time. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int main(void)
{
	const char *const argv[] = { "sort", "-u", NULL };
	const struct timeval limit = { .tv_sec = 60 };
	const struct af_run_options options = {
		.communicate = {
			.input_kind = AFIO_INPUT_MEMORY,
			.input = "pear\nfig\npear\n",
			.input_len = 14,
			.timeout = &limit,
		},
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *run = af_run(loop, argv, &options);
	int r = af_await(run);
	int status = af_future_status(run);

	if (r == 0)
		printf("%sexit status %d\n", af_future_output(run)->out,
		       WEXITSTATUS(status));
	else
		fprintf(stderr, "sort: %s\n", strerror(-r));
	af_future_unref(run);
	af_loop_free(loop);
	return r != 0;
}
