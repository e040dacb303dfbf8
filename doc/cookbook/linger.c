/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * linger COMMAND [ARGUMENT]...: prints the output of a command that may leave
 * another process behind, and does not wait for that one.
 */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static int run_command(struct af_loop *loop, const char *const command[])
{
	const struct timeval linger = { .tv_sec = 1 };
	const struct af_run_options options = {
		.communicate.linger = &linger,
	};
	struct af_future *run = af_run(loop, command, &options);
	const struct af_output *output;
	int r = af_await(run);

	if (r == 0) {
		output = af_future_output(run);
		fwrite(output->out, 1, output->out_len, stdout);
		fwrite(output->err, 1, output->err_len, stderr);
		if (af_future_flags(run) & AFIO_TIMEDOUT)
			fprintf(stderr, "another process has the output "
					"open\n");
		r = af_future_status(run);
	} else {
		fprintf(stderr, "%s: %s\n", command[0], strerror(-r));
	}
	af_future_unref(run);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	int r = -1;

	if (argc > 1)
		r = run_command(loop, (const char *const *)argv + 1);
	else
		fprintf(stderr, "usage: linger COMMAND...\n");
	af_loop_free(loop);
	return r != 0;
}
