/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lines COMMAND [ARGUMENT]...: prints the lines of a command as they come, and
 * then its exit status.
 */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static int on_line(const struct af_line *line, void *arg)
{
	(void)arg;
	printf("%s: ", line->stream == 1 ? "out" : "err");
	fwrite(line->data, 1, line->len, stdout);
	return 0;
}

/* It is done when the streams have ended and the command has, too. */
static int print_lines(struct af_pipe *pipe)
{
	struct af_future *lines = af_pipe_each_line(pipe, on_line, NULL);
	int r = af_await(lines), status = af_future_status(lines);

	if (r < 0)
		fprintf(stderr, "lines: %s\n", strerror(-r));
	else if (WIFSIGNALED(status))
		printf("end: %s\n", strsignal(WTERMSIG(status)));
	else
		printf("end: exit status %d\n", WEXITSTATUS(status));
	af_future_unref(lines);
	return r;
}

int main(int argc, char *argv[])
{
	const struct af_spawn_options pipes = { .in.kind = AFIO_NULL,
						.out.kind = AFIO_PIPE,
						.err.kind = AFIO_PIPE };
	const char *const *const stages[] = { (const char *const *)argv + 1,
					      NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipe = NULL;
	int r = -1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		pipe = af_pipe_spawn(loop, stages, &pipes);
	if (argc < 2)
		fprintf(stderr, "usage: lines COMMAND...\n");
	else if (pipe)
		r = print_lines(pipe);
	else
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	af_pipe_close(pipe);
	af_loop_free(loop);
	return r != 0;
}
