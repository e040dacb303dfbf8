/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a child on a terminal, and changes the size of it. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static int print_line(struct af_file *terminal)
{
	struct af_future *line = af_file_readline(terminal, 0, 0, 0, NULL);
	int r = af_await(line);

	if (r == 0)
		printf("%s", af_future_data(line, NULL));
	af_future_unref(line);
	return r;
}

/* The first line is the old size; the child prints the second on a newline. */
static int talk(struct af_process *child)
{
	struct af_file *terminal = af_process_stdout(child);
	struct af_future *go;
	int r = print_line(terminal);

	if (r == 0)
		r = af_process_resize(child, 50, 132);
	if (r < 0)
		return r;
	go = af_file_write(terminal, "\n", 1, AFIO_FULL, NULL);
	r = af_await(go);
	af_future_unref(go);
	return r < 0 ? r : print_line(terminal);
}

int main(void)
{
	const char *const argv[] = { "sh", "-c",
				     "stty size; read line; stty size", NULL };
	const struct af_spawn_options options = {
		.in.kind = AFIO_PTY,
		.out.kind = AFIO_PTY,
		.err.kind = AFIO_PTY,
		.pty_flags = AFIO_PTY_RAW,
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &options);
	int r = talk(child);

	if (!child)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	else if (r < 0)
		fprintf(stderr, "sh: %s\n", strerror(-r));
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
