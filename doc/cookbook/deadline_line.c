/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads whole lines with a deadline, which costs no part of a line. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE 4096

/* Reads a line. Returns 1; 0 at the end; or a negative errno. */
static int read_line(struct af_file *in)
{
	const struct timeval limit = { .tv_sec = 1 };
	struct af_future *line;
	const char *data;
	size_t len = 0;
	int r;

	line = af_file_readline(in, MAX_LINE, 0, AFIO_FULL, &limit);
	r = af_await(line);
	data = af_future_data(line, &len);
	if (r == 0 && af_future_flags(line) & AFIO_TRUNCATED)
		r = -EMSGSIZE; /* the rest of the line is still in the file */
	if (r == 0 && len > 0) {
		printf("%zu bytes: %s", len, data);
		if (af_future_flags(line) & AFIO_EOF)
			printf(" (no newline)\n");
		r = 1;
	}
	af_future_unref(line);
	return r;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((r = read_line(in)) != 0) {
		if (r == -ETIMEDOUT)
			printf("no whole line yet\n");
		else if (r < 0)
			break;
	}
	if (r < 0)
		fprintf(stderr, "standard input: %s\n", strerror(-r));
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
