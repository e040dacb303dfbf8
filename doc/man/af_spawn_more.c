/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts a child without blocking, and reads what it prints. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static int print_line(struct af_process *child)
{
	struct af_future *line =
		af_file_readline(af_process_stdout(child), 0, 0, 0, NULL);
	int r = af_await(line);

	if (r == 0)
		printf("%s", af_future_data(line, NULL));
	af_future_unref(line);
	return r;
}

int main(void)
{
	const char *const argv[] = { "echo", "hello", NULL };
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	const struct timeval limit = { .tv_sec = 10 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = NULL;
	struct af_future *start;
	int r;

	start = af_with_timeout(af_spawn_async(loop, argv, &pipes), &limit);
	r = af_await(start);
	if (r == 0) {
		child = af_future_take_process(start);
		r = print_line(child);
	}
	if (r < 0)
		fprintf(stderr, "echo: %s\n", strerror(-r));
	af_future_unref(start);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
