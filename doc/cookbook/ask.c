/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks a question on standard input, and leaves it as it was. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	const struct timeval limit = {
		.tv_sec = argc > 1 ? atoi(argv[1]) : 10,
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *line;
	struct af_file *in;
	int r = 1;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD | AFIO_UNBUFFERED);
	if (!in) {
		perror("standard input");
		goto out;
	}
	printf("Your name? ");
	fflush(stdout);
	line = af_file_readline(in, 1000, 0, 0, &limit);
	r = af_await(line);
	if (r == -ETIMEDOUT)
		printf("\nNever mind.\n");
	else if (r < 0)
		fprintf(stderr, "standard input: %s\n", strerror(-r));
	else
		printf("Hello, %s", af_future_data(line, NULL));
	af_future_unref(line);
out:
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
