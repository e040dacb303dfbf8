/* SPDX-License-Identifier: BSD-3-Clause */
/* A read that is cancelled loses nothing. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	const char *const argv[] = { "sh", "-c", "echo one; exec sleep 60",
				     NULL };
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	const struct timeval patience = { .tv_usec = 100000 };
	const struct timeval grace = { .tv_sec = 1 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &pipes);
	struct af_file *out = af_process_stdout(child);
	struct af_future *block, *line, *end;
	int r;

	block = af_file_read(out, 512, AFIO_FULL, NULL);
	if (af_await_for(block, &patience) == -ETIMEDOUT)
		af_future_cancel(block);
	printf("the read: %s\n", strerror(-af_future_error(block)));

	line = af_file_readline(out, 0, 0, 0, NULL);
	r = af_await(line);
	if (r == 0)
		printf("still there: %s", af_future_data(line, NULL));

	end = af_process_stop(child, &grace); /* a cancel does not stop it */
	if (r == 0)
		r = af_await(end);
	if (r < 0)
		fprintf(stderr, "cancel: %s\n", strerror(-r));
	af_future_unref(block);
	af_future_unref(line);
	af_future_unref(end);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
