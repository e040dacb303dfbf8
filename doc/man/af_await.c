/* SPDX-License-Identifier: BSD-3-Clause */
/* af_await(3): two operations at once, and a wait of limited time. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	const char *const cat[] = { "cat", NULL };
	const struct af_spawn_options pipes = { .in.kind = AFIO_PIPE,
						.out.kind = AFIO_PIPE };
	const struct timeval soon = { .tv_usec = 10000 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, cat, &pipes);
	struct af_future *said, *heard;
	int r;

	heard = af_file_readline(af_process_stdout(child), 0, 0, 0, NULL);
	r = af_await_for(heard, &soon);
	if (r == -ETIMEDOUT && !af_future_is_done(heard))
		printf("nothing yet; the read goes on\n");

	said = af_file_write(af_process_stdin(child), "hello\n", 6, AFIO_FULL,
			     NULL);
	r = af_await(said);
	if (r == 0)
		r = af_await(heard);
	if (r == 0)
		printf("%s", af_future_data(heard, NULL));
	else
		fprintf(stderr, "no answer: %s\n", strerror(-r));
	af_future_unref(said);
	af_future_unref(heard);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
