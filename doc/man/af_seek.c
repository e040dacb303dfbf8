/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the last bytes of standard input, which is on disk. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LAST 16

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in;
	struct af_future *end;
	int64_t size, at;
	int r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	size = af_file_size(in);
	at = size > LAST ? size - LAST : 0;
	at = af_file_seek(in, at, SEEK_SET);
	if (at < 0)
		fprintf(stderr, "seek: %s\n", strerror((int)-at));
	end = af_file_read(in, LAST, AFIO_FULL, NULL);
	r = af_await(end);
	if (r == 0)
		printf("from byte %lld: %s", (long long)at,
		       af_future_data(end, NULL));
	else
		fprintf(stderr, "cannot read: %s\n", strerror(-r));
	af_future_unref(end);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
