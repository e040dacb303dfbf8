/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a length from a line, and then that many bytes. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE 32
#define MAX_BODY 65536

static const struct timeval limit = { .tv_sec = 5 };

/* Returns the length, at least 1, or an error. */
static long read_length(struct af_file *in)
{
	struct af_future *f;
	long len;

	f = af_file_readline(in, MAX_LINE, 0, AFIO_FULL, &limit);
	len = af_await(f);
	if (len == 0)
		len = strtol(af_future_data(f, NULL), NULL, 10);
	if (len == 0 || len > MAX_BODY)
		len = -EPROTO; /* 0 would read all there is */
	af_future_unref(f);
	return len;
}

static int print_body(struct af_file *in, size_t size)
{
	struct af_future *f;
	int r;

	f = af_file_read(in, size, AFIO_FULL, &limit);
	r = af_await(f);
	if (r == 0 && af_future_count(f) < size)
		r = -EPROTO; /* end of file, or the deadline */
	if (r == 0)
		printf("the body: %s\n", af_future_data(f, NULL));
	af_future_unref(f);
	return r;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in;
	long r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	r = read_length(in);
	if (r > 0)
		r = print_body(in, (size_t)r);
	if (r < 0)
		fprintf(stderr, "read: %s\n", strerror((int)-r));
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
