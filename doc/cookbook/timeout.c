/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * timeout SECONDS COMMAND [ARGUMENT]...: runs a command, stops it if it takes
 * longer, and prints its output.
 */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Prints what has been read, also after a timeout. Returns the exit status. */
static int report(struct af_future *run, int r)
{
	const struct af_output *output = af_future_output(run);
	int status = af_future_status(run);

	if (output) {
		fwrite(output->out, 1, output->out_len, stdout);
		fwrite(output->err, 1, output->err_len, stderr);
	}
	if (r == -ETIMEDOUT) {
		fprintf(stderr, "timeout: stopped\n");
		return 124;
	}
	if (r < 0) {
		const char *why = af_future_spawn_error(run);

		fprintf(stderr, "timeout: %s\n", *why ? why : strerror(-r));
		return 125;
	}
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "timeout: %s\n", strsignal(WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}

int main(int argc, char *argv[])
{
	const struct timeval limit = { .tv_sec = argc > 1 ? atoi(argv[1]) : 0 };
	const struct timeval grace = { .tv_sec = 1 };
	const struct af_run_options options = {
		.spawn.new_group = true,
		.communicate.timeout = &limit,
		.grace = &grace,
	};
	struct af_loop *loop;
	struct af_future *run;
	int result;

	if (argc < 3) {
		fprintf(stderr, "usage: timeout SECONDS COMMAND...\n");
		return 125;
	}
	loop = af_loop_new(NULL);
	run = af_run(loop, (const char *const *)argv + 2, &options);
	result = report(run, af_await(run));
	af_future_unref(run);
	af_loop_free(loop);
	return result;
}
