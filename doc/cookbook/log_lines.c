/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log_lines COMMAND [ARGUMENT]...: prints each line of a command's stdout and
 * stderr with its time and its stream, in the order in which they arrive.
 */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int log_line(const struct af_line *line, void *arg)
{
	char text[32];
	struct tm tm;

	(void)arg;
	strftime(text, sizeof(text), "%H:%M:%S",
		 localtime_r(&line->time.tv_sec, &tm));
	printf("%s.%06ld %s: ", text, (long)line->time.tv_usec,
	       line->stream == 1 ? "out" : "err");
	fwrite(line->data, 1, line->len, stdout);
	if (line->data[line->len - 1] != '\n')
		putchar('\n'); /* the last line, or a piece of a long one */
	return 0;
}

int main(int argc, char *argv[])
{
	const struct af_spawn_options pipes = { .in.kind = AFIO_NULL,
						.out.kind = AFIO_PIPE,
						.err.kind = AFIO_PIPE };
	const char *const *const stages[] = { (const char *const *)argv + 1,
					      NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipe;
	struct af_future *log;
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: log_lines COMMAND...\n");
		return 2;
	}
	pipe = af_pipe_spawn(loop, stages, &pipes);
	if (!pipe) {
		fprintf(stderr, "%s\n", af_spawn_error(loop));
		af_loop_free(loop);
		return 2;
	}
	log = af_pipe_each_line(pipe, log_line, NULL);
	r = af_await(log);
	if (r < 0)
		fprintf(stderr, "log_lines: %s\n", strerror(-r));
	else
		r = af_future_status(log);
	af_future_unref(log);
	af_pipe_close(pipe);
	af_loop_free(loop);
	return r != 0;
}
