/* SPDX-License-Identifier: BSD-3-Clause */
/* Stops a child: SIGTERM first, and SIGKILL if that does not help. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static int run_and_stop(struct af_process *child)
{
	const struct timeval grace = { .tv_usec = 100000 };
	struct af_future *line, *end;
	int r, status;

	line = af_file_readline(af_process_stdout(child), 0, 0, 0, NULL);
	r = af_await(line);
	if (r == 0)
		printf("%s", af_future_data(line, NULL));
	af_future_unref(line);
	end = af_process_stop(child, &grace);
	if (r == 0)
		r = af_await(end);
	status = af_future_status(end);
	if (r == 0)
		printf("ended by signal %d\n", WTERMSIG(status));
	af_future_unref(end);
	return r;
}

int main(void)
{
	const char *const argv[] = { "sh", "-c",
				     "trap '' TERM; echo ready; exec sleep 60",
				     NULL };
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &pipes);
	int r;

	if (!child)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	r = run_and_stop(child);
	if (r < 0)
		fprintf(stderr, "stop: %s\n", strerror(-r));
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
