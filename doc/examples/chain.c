/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers the lines of standard input, without waiting: with continuations. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct count {
	struct af_file *in;
	int lines;
};

static struct af_future *on_line(struct af_future *line, void *arg);

static struct af_future *next_line(struct count *count)
{
	const struct timeval limit = { .tv_sec = 10 };

	return af_then(af_file_readline(count->in, 0, 0, 0, &limit), on_line,
		       count);
}

static struct af_future *on_line(struct af_future *line, void *arg)
{
	struct count *count = arg;
	size_t len;
	const char *data = af_future_data(line, &len);

	if (len == 0)
		return NULL; /* end of file: the chain ends here */
	printf("%d: %s", ++count->lines, data);
	return next_line(count);
}

static void at_end(struct af_future *done, void *arg)
{
	const struct count *count = arg;
	int r = af_future_error(done);

	printf("%d lines, %s\n", count->lines, r ? strerror(-r) : "no error");
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct count count = { NULL, 0 };
	int r;

	count.in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	af_on_done(next_line(&count), at_end, &count);
	r = af_loop_run(loop);
	af_file_close(count.in);
	af_loop_free(loop);
	return r != 0;
}
