/* SPDX-License-Identifier: BSD-3-Clause */
/* Talks to a child; each step has a timeout of two seconds. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const struct timeval limit = { .tv_sec = 2 };

/* Writes a line to the child, prints its answer and its exit status. */
static int talk(struct af_process *child)
{
	struct af_future *said, *heard, *end;
	int r, status;

	said = af_file_write(af_process_stdin(child), "world\n", 6, AFIO_FULL,
			     &limit);
	heard = af_file_readline(af_process_stdout(child), 0, 0, 0, &limit);
	end = af_process_wait(child, &limit);
	r = af_await(said);
	if (r == 0)
		r = af_await(heard);
	if (r == 0)
		printf("%s", af_future_data(heard, NULL));
	if (r == 0)
		r = af_await(end);
	status = af_future_status(end);
	if (r == 0)
		printf("exit status %d\n", WEXITSTATUS(status));
	af_future_unref(said);
	af_future_unref(heard);
	af_future_unref(end);
	return r;
}

int main(void)
{
	const char *const argv[] = { "sh", "-c",
				     "read name; echo hello, $name; exit 3",
				     NULL };
	struct af_spawn_options pipes = { .in.kind = AFIO_PIPE,
					  .out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &pipes);
	int r = 1;

	if (child)
		r = talk(child);
	else
		perror("sh");
	if (r < 0)
		fprintf(stderr, "the talk failed: %s\n", strerror(-r));
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
