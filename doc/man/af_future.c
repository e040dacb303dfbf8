/* SPDX-License-Identifier: BSD-3-Clause */
/* af_future(3): what is known of a read that has ended. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print(struct af_future *read)
{
	int r = af_await(read);
	size_t len;
	const char *data = af_future_data(read, &len);
	unsigned flags = af_future_flags(read);

	if (r == 0)
		printf("%zu bytes: %s%s\n", len, data,
		       flags & AFIO_EOF ? ", end of file" : "");
	else
		fprintf(stderr, "read: %s\n", strerror(-r));
	af_future_unref(read);
	return r;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	int r = print(af_file_read(in, 4, AFIO_FULL, NULL));

	if (r == 0)
		r = print(af_file_read(in, 4, AFIO_FULL, NULL));
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
