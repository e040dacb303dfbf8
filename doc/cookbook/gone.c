/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gone COMMAND [ARGUMENT]...: writes 1 MiB to a command, which may leave before
 * it has read that.
 */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE (1024 * 1024)

static int write_to(struct af_process *child)
{
	char *bytes = calloc(1, SIZE);
	struct af_future *written, *end;
	int r;

	if (!bytes)
		return -ENOMEM;
	written = af_file_write(af_process_stdin(child), bytes, SIZE,
				AFIO_FULL | AFIO_BORROW, NULL);
	r = af_await(written);
	printf("%zu bytes: %s\n", af_future_count(written),
	       r < 0 ? strerror(-r) : "written");
	af_future_unref(written);
	free(bytes);

	af_process_close_stdin(child);
	end = af_process_wait(child, NULL);
	af_await(end);
	printf("wait status %d\n", af_future_status(end));
	af_future_unref(end);
	return r;
}

int main(int argc, char *argv[])
{
	const struct af_spawn_options pipe = { .in.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = NULL;
	int r = -EINVAL;

	if (argc > 1)
		child = af_spawn(loop, (const char *const *)argv + 1, &pipe);
	if (argc < 2)
		fprintf(stderr, "usage: gone COMMAND...\n");
	else if (child)
		r = write_to(child);
	else
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	af_process_free(child);
	af_loop_free(loop);
	return r == 0 || r == -EPIPE ? 0 : 1;
}
