/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads one line, and leaves all others to another program. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	unsigned flags = AFIO_KEEP_FD | AFIO_UNBUFFERED;
	struct af_file *in = af_file_new(loop, STDIN_FILENO, flags);
	struct af_future *line = af_file_readline(in, 0, 0, 0, NULL);
	int r = af_await(line);

	if (r == 0)
		printf("header: %s", af_future_data(line, NULL));
	else
		fprintf(stderr, "no header: %s\n", strerror(-r));
	fflush(stdout);
	af_future_unref(line);
	af_file_close(in);
	af_loop_free(loop);
	if (r < 0)
		return 1;
	execlp("sort", "sort", (char *)NULL);
	perror("sort");
	return 1;
}
