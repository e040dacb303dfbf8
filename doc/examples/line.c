/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads one line from standard input, and waits for it. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	struct af_future *line = af_file_readline(in, 0, 0, 0, NULL);
	int r = af_await(line);

	if (r == 0)
		printf("you said: %s", af_future_data(line, NULL));
	else
		fprintf(stderr, "no line: %s\n", strerror(-r));
	af_future_unref(line);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
