/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints lines, until one is too long. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print(const char *s, size_t n, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	fwrite(s, 1, n, stdout);
	return 0;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *lines;
	struct af_file *in;
	int r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	af_file_set_limit(in, 16);
	lines = af_file_each_line(in, print, NULL);
	r = af_await(lines);
	if (r == -EMSGSIZE)
		printf("a line is too long\n");
	else if (r < 0)
		fprintf(stderr, "cannot read: %s\n", strerror(-r));
	af_future_unref(lines);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0 && r != -EMSGSIZE;
}
