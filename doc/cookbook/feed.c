/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * feed COMMAND [ARGUMENT]...: gives a command 4 MiB of input, and says how much
 * it took and what it wrote.
 */

#include <asyncfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SIZE (4 * 1024 * 1024)

static int feed(struct af_loop *loop, const char *const command[],
		const char *input)
{
	const struct af_run_options options = {
		.communicate = {
			.input_kind = AFIO_INPUT_MEMORY,
			.input = input,
			.input_len = SIZE,
			.max_output = 16 * SIZE, /* more is an error */
		},
	};
	struct af_future *run = af_run(loop, command, &options);
	const struct af_output *output;
	int r = af_await(run);

	if (r == 0) {
		output = af_future_output(run);
		printf("it took %zu bytes, and wrote %zu to stdout, %zu to "
		       "stderr\n",
		       output->input_taken, output->out_len, output->err_len);
	} else {
		fprintf(stderr, "%s: %s\n", command[0], strerror(-r));
	}
	if (r == 0 && af_future_status(run) != 0)
		fprintf(stderr, "%s: wait status %d\n", command[0],
			af_future_status(run));
	af_future_unref(run);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	char *input = malloc(SIZE);
	int r = -1;

	if (argc < 2)
		fprintf(stderr, "usage: feed COMMAND...\n");
	else if (input) {
		memset(input, 'x', SIZE);
		r = feed(loop, (const char *const *)argv + 1, input);
	}
	free(input);
	af_loop_free(loop);
	return r != 0;
}
