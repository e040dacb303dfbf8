/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies from one child to another, no faster than the second one reads. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

/* Copies to end of file, and lets the reader see it. */
static int copy(struct af_process *from, struct af_process *to)
{
	struct af_future *copied, *end;
	int r;

	copied = af_file_copy(af_process_stdout(from), af_process_stdin(to), -1,
			      NULL);
	r = af_await(copied);
	af_process_close_stdin(to);
	end = af_process_wait(to, NULL);
	if (r == 0)
		r = af_await(end);
	if (r == 0)
		printf("%zu bytes\n", af_future_count(copied));
	af_future_unref(copied);
	af_future_unref(end);
	return r;
}

int main(void)
{
	const char *const seq[] = { "seq", "100000", NULL };
	const char *const tail[] = { "tail", "-n", "1", NULL };
	const struct af_spawn_options out = { .out.kind = AFIO_PIPE };
	const struct af_spawn_options in = { .in.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *from = af_spawn(loop, seq, &out);
	struct af_process *to = NULL;
	int r;

	if (from)
		to = af_spawn(loop, tail, &in);
	if (!to)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	r = copy(from, to);
	if (r < 0)
		fprintf(stderr, "copy: %s\n", strerror(-r));
	af_process_free(from);
	af_process_free(to);
	af_loop_free(loop);
	return r != 0;
}
