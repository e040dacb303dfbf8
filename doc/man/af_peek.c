/* SPDX-License-Identifier: BSD-3-Clause */
/* Says whether the input is compressed, and how long it is. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *peek, *all;
	struct af_file *in;
	size_t len = 0;
	const char *data;
	int r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	peek = af_file_peek(in, 2, NULL);
	all = af_file_read(in, 0, 0, NULL);
	r = af_await(peek);
	data = af_future_data(peek, &len);
	if (r == 0 && len == 2 && memcmp(data, "\x1f\x8b", 2) == 0)
		printf("it is compressed\n");
	if (r == 0)
		r = af_await(all);
	if (r == 0)
		printf("%zu bytes\n", af_future_count(all));
	else
		fprintf(stderr, "cannot read: %s\n", strerror(-r));
	af_future_unref(peek);
	af_future_unref(all);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
