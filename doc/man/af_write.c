/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes a header and a body. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	static const char head[] = "Content-Length: 6\n\n";
	const struct timeval limit = { .tv_sec = 5 };
	const unsigned more = AFIO_FULL | AFIO_MORE;
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *first, *second;
	struct af_file *out;
	int r;

	out = af_file_new(loop, STDOUT_FILENO, AFIO_KEEP_FD);
	first = af_file_write(out, head, strlen(head), more, &limit);
	second = af_file_write(out, "hello\n", 6, AFIO_FULL, &limit);
	r = af_await(first);
	if (r == 0)
		r = af_await(second);
	if (r < 0)
		fprintf(stderr, "cannot write: %s\n", strerror(-r));
	else if ((af_future_flags(first) | af_future_flags(second)) &
		 AFIO_TIMEDOUT)
		fprintf(stderr, "only a part was written in time\n");
	af_future_unref(first);
	af_future_unref(second);
	af_file_close(out);
	af_loop_free(loop);
	return r != 0;
}
