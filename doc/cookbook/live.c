/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live COMMAND [ARGUMENT]...: reads a command's output from a terminal, so that
 * the command does not hold it back, and prints each line as it comes.
 */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static int on_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	fwrite(data, 1, len, stdout);
	fflush(stdout);
	return 0;
}

/* The end of the output first, then that of the command: nothing is lost. */
static int print_lines(struct af_process *child)
{
	struct af_future *lines, *end;
	int r, status;

	lines = af_file_each_line(af_process_stdout(child), on_line, NULL);
	end = af_process_wait(child, NULL);
	r = af_await(lines);
	if (r == 0)
		r = af_await(end);
	status = af_future_status(end);
	if (r < 0)
		fprintf(stderr, "live: %s\n", strerror(-r));
	else
		r = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	af_future_unref(lines);
	af_future_unref(end);
	return r;
}

int main(int argc, char *argv[])
{
	const struct af_spawn_options options = {
		.out.kind = AFIO_PTY,
		.err.kind = AFIO_PTY,
		.pty_flags = AFIO_PTY_RAW, /* "\n" does not become "\r\n" */
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = NULL;
	int r = -1;

	if (argc > 1)
		child = af_spawn(loop, (const char *const *)argv + 1, &options);
	if (argc < 2)
		fprintf(stderr, "usage: live COMMAND...\n");
	else if (child)
		r = print_lines(child);
	else
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	af_process_free(child);
	af_loop_free(loop);
	return r < 0 ? 125 : r;
}
