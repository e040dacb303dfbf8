/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens a file off the loop's thread, and prints its first line. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static const struct timeval limit = { .tv_sec = 2 };

static int print_line(struct af_file *file)
{
	struct af_future *line;
	int r;

	line = af_file_readline(file, 0, 0, 0, &limit);
	r = af_await(line);
	if (r == 0)
		printf("%s", af_future_data(line, NULL));
	af_future_unref(line);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	const char *path = argc > 1 ? argv[1] : "/etc/passwd";
	struct af_future *opened;
	struct af_file *file = NULL;
	int r;

	opened = af_file_open_async(loop, path, "r");
	opened = af_with_timeout(opened, &limit);
	r = af_await(opened);
	if (r == 0)
		file = af_future_take_file(opened);
	if (r == 0)
		r = print_line(file);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	af_future_unref(opened);
	af_file_close(file);
	af_loop_free(loop);
	return r != 0;
}
