/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives a child a line, and waits until it has left. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	const char *const argv[] = { "sh", "-c", "read a", NULL };
	const struct timeval limit = { .tv_sec = 10 };
	struct af_spawn_options options = { .in.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &options);
	struct af_file *in = af_process_stdin(child);
	struct af_future *left, *write;
	int r;

	left = af_with_timeout(af_file_hangup(in), &limit);
	write = af_file_write(in, "a line\n", 7, AFIO_FULL, NULL);
	r = af_await(left);
	if (r == 0)
		printf("the child has left\n");
	else
		fprintf(stderr, "no end: %s\n", strerror(-r));
	af_future_unref(left);
	af_future_unref(write);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
