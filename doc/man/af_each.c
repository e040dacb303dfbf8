/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts the lines of standard input, up to one that is empty. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int count(const char *s, size_t n, unsigned flags, void *arg)
{
	int *lines = arg;

	(void)flags;
	if (n == 1 && *s == '\n')
		return 1;
	++*lines;
	return 0;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *each;
	struct af_file *in;
	int lines = 0;
	int r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	each = af_file_each_line(in, count, &lines);
	r = af_await(each);
	if (r == 0)
		printf("%d lines\n", lines);
	else
		fprintf(stderr, "cannot read: %s\n", strerror(-r));
	af_future_unref(each);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
