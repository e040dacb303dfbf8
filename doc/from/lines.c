/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the lines of a child as they come, and then its exit status. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static int on_line(const char *data, size_t len, unsigned flags, void *arg)
{
	int *n = arg;

	(void)flags;
	printf("%d: %.*s", ++*n, (int)len, data);
	return 0;
}

int main(void)
{
	const char *const argv[] = { "sh", "-c", "echo one; echo two; exit 3",
				     NULL };
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &pipes);
	struct af_future *lines, *end;
	int n = 0, r, status;

	if (!child)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	lines = af_file_each_line(af_process_stdout(child), on_line, &n);
	end = af_process_wait(child, NULL);
	r = af_await(lines);
	if (r == 0)
		r = af_await(end);
	status = af_future_status(end);
	if (r == 0)
		printf("exit status %d\n", WEXITSTATUS(status));
	else
		fprintf(stderr, "lines: %s\n", strerror(-r));
	af_future_unref(lines);
	af_future_unref(end);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
