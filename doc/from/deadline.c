/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits a limited time for a line. The half that came by then is not lost. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Prints a line, or that it has not come before the deadline. */
static int print_line(struct af_file *out, const struct timeval *limit)
{
	struct af_future *line = af_file_readline(out, 0, 0, AFIO_FULL, limit);
	int r = af_await(line);

	if (r == 0)
		printf("%s", af_future_data(line, NULL));
	else if (r == -ETIMEDOUT)
		printf("no line yet\n");
	af_future_unref(line);
	return r;
}

static int talk(struct af_process *child)
{
	const struct timeval limit = { .tv_usec = 100000 };
	struct af_file *out = af_process_stdout(child);
	struct af_future *said;
	int r = print_line(out, &limit);

	if (r != -ETIMEDOUT)
		return r;
	said = af_file_write(af_process_stdin(child), "go\n", 3, AFIO_FULL,
			     NULL);
	r = af_await(said);
	af_future_unref(said);
	return r < 0 ? r : print_line(out, NULL);
}

int main(void)
{
	const char *const argv[] = { "sh", "-c", "printf hal; read go; echo f",
				     NULL };
	const struct af_spawn_options pipes = { .in.kind = AFIO_PIPE,
						.out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &pipes);
	int r;

	if (!child)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	r = talk(child);
	if (r < 0)
		fprintf(stderr, "talk: %s\n", strerror(-r));
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
