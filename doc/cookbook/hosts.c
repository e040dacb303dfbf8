/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hosts SHELL SECONDS COMMAND HOST...: runs SHELL -- HOST COMMAND for all hosts
 * at the same time, such as ssh, with one deadline for all.
 */

#include <asyncfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void print_lines(const char *host, const char *text)
{
	while (*text) {
		int len = (int)strcspn(text, "\n");

		printf("%s: %.*s\n", host, len, text);
		text += len + (text[len] == '\n');
	}
}

/* After a timeout, too, there may be some output. Returns whether it failed. */
static bool print_run(const char *host, const struct af_future *run)
{
	const struct af_output *output = af_future_output(run);
	int r = af_future_error(run), status = af_future_status(run);

	if (output) {
		print_lines(host, output->out);
		print_lines(host, output->err);
	}
	if (r < 0)
		printf("%s: failed: %s\n", host, strerror(-r));
	else if (WIFSIGNALED(status))
		printf("%s: signal %d\n", host, WTERMSIG(status));
	else
		printf("%s: exit status %d\n", host, WEXITSTATUS(status));
	return r < 0 || status != 0;
}

static struct af_future *start(struct af_loop *loop, char *argv[], int host)
{
	const char *const command[] = { argv[1], "--", argv[host], argv[3],
					NULL };
	const struct timeval limit = { .tv_sec = atoi(argv[2]) };
	const struct timeval linger = { .tv_sec = 1 };
	const struct af_run_options options = {
		.spawn = { .in.kind = AFIO_NULL, .new_group = true },
		.communicate = { .timeout = &limit, .linger = &linger },
	};

	return af_run(loop, command, &options);
}

int main(int argc, char *argv[])
{
	size_t n = argc > 4 ? (size_t)argc - 4 : 0;
	struct af_future **runs = calloc(n, sizeof(struct af_future *)), *all;
	struct af_loop *loop = af_loop_new(NULL);
	bool failed;

	if (n == 0 || !runs) {
		fprintf(stderr, "usage: hosts SHELL SECONDS COMMAND HOST...\n");
		return 2;
	}
	for (size_t i = 0; i < n; i++)
		runs[i] = start(loop, argv, (int)i + 4);
	all = af_all_settled(loop, runs, n);
	failed = af_await(all) < 0;
	for (size_t i = 0; i < n; i++)
		failed |= print_run(argv[i + 4], af_future_part(all, i));
	af_future_unref(all);
	af_loop_free(loop);
	free(runs);
	return failed;
}
