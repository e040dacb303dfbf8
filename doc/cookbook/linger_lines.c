/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * linger_lines COMMAND [ARGUMENT]...: prints the lines of a command as they
 * come, and does not wait for another process that it may leave behind.
 */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static int on_line(const struct af_line *line, void *arg)
{
	(void)arg;
	printf("%s: ", line->stream == 1 ? "out" : "err");
	fwrite(line->data, 1, line->len, stdout);
	return 0;
}

/* The command has ended. What it has written is read in this time. */
static struct af_future *on_end(struct af_future *end, void *arg)
{
	const struct timeval linger = { .tv_sec = 1 };

	(void)end;
	return af_sleep(af_pipe_loop(arg), &linger);
}

static int print_lines(struct af_pipe *pipe)
{
	struct af_future *parts[] = {
		af_pipe_each_line(pipe, on_line, NULL),
		af_then(af_pipe_wait(pipe, NULL), on_end, pipe),
	};
	struct af_future *first = af_race(af_pipe_loop(pipe), parts, 2);
	int r = af_await(first);

	if (r < 0)
		fprintf(stderr, "linger_lines: %s\n", strerror(-r));
	else if (!(af_future_flags(first) & AFIO_EOF))
		fprintf(stderr, "another process has the output open\n");
	af_future_unref(first);
	return r < 0 ? r : af_pipe_status(pipe, 0);
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

	if (argc > 1)
		pipe = af_pipe_spawn(loop, stages, &pipes);
	if (argc < 2)
		fprintf(stderr, "usage: linger_lines COMMAND...\n");
	else if (pipe)
		r = print_lines(pipe);
	else
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	af_pipe_close(pipe);
	af_loop_free(loop);
	return r != 0;
}
