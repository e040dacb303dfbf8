/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts the lines of standard input or a path, whatever kind of file it is. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int on_line(const char *data, size_t len, unsigned flags, void *arg)
{
	size_t *lines = arg;

	(void)data;
	(void)len;
	(void)flags;
	++*lines;
	return 0;
}

int main(int argc, char *argv[])
{
	const char *path = argc > 1 ? argv[1] : NULL;
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *all;
	struct af_file *in;
	size_t lines = 0;
	int r = 1;

	if (path)
		in = af_file_open(loop, path, "r");
	else
		in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	if (!in) {
		perror(path ? path : "standard input");
		goto out;
	}
	all = af_file_each_line(in, on_line, &lines);
	r = af_await(all);
	printf("%zu lines, %zu bytes\n", lines, af_future_count(all));
	if (r < 0)
		fprintf(stderr, "reading: %s\n", strerror(-r));
	af_future_unref(all);
out:
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
