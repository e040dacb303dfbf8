/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipe_status COMMAND [ARGUMENT]... ['|' COMMAND [ARGUMENT]...]...: runs a
 * pipeline, and says how each of its commands ended.
 */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define MAX_STAGES 16

/* Cuts the arguments where a '|' is. Returns whether there is room. */
static bool split(char *argv[], const char *const *stages[MAX_STAGES + 1])
{
	size_t n = 0;

	stages[n++] = (const char *const *)argv;
	for (; *argv; argv++) {
		if (strcmp(*argv, "|") != 0)
			continue;
		if (n == MAX_STAGES)
			return false;
		*argv = NULL;
		stages[n++] = (const char *const *)argv + 1;
	}
	stages[n] = NULL;
	return true;
}

static void print_status(const char *name, int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: %s\n", name, strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "%s: exit status %d\n", name,
			WEXITSTATUS(status));
}

int main(int argc, char *argv[])
{
	const char *const *stages[MAX_STAGES + 1];
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *end;
	struct af_pipe *pipe;
	int r;

	if (argc < 2 || !split(argv + 1, stages)) {
		fprintf(stderr, "usage: pipe_status COMMAND... ['|' "
				"COMMAND...]...\n");
		return 2;
	}
	pipe = af_pipe_spawn(loop, stages, NULL);
	if (!pipe) {
		fprintf(stderr, "%s\n", af_spawn_error(loop));
		af_loop_free(loop);
		return 2;
	}
	end = af_pipe_wait(pipe, NULL);
	r = af_await(end);
	for (size_t i = 0; r == 0 && i < af_pipe_stages(pipe); i++)
		print_status(stages[i][0], af_pipe_status(pipe, i));
	if (r == 0)
		print_status("pipeline", af_future_status(end));
	else
		fprintf(stderr, "wait: %s\n", strerror(-r));
	r = r < 0 || af_future_status(end) != 0;
	af_future_unref(end);
	af_pipe_close(pipe);
	af_loop_free(loop);
	return r;
}
