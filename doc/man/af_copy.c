/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies standard input to standard output. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in, *out;
	struct af_future *copy;
	int r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	out = af_file_new(loop, STDOUT_FILENO, AFIO_KEEP_FD);
	copy = af_file_copy(in, out, -1, NULL);
	r = af_await(copy);
	if (r < 0)
		fprintf(stderr, "stopped after %zu bytes: %s\n",
			af_future_count(copy), strerror(-r));
	af_future_unref(copy);
	af_file_close(out);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
