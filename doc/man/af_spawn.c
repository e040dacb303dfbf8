/* SPDX-License-Identifier: BSD-3-Clause */
/* Sorts a file into another one, as the shell's sort <fruit >sorted. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	const char *const argv[] = { "sort", "-u", NULL };
	const struct af_spawn_options files = {
		.in = { .kind = AFIO_PATH, .path = "fruit" },
		.out = { .kind = AFIO_PATH, .path = "sorted" },
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *sort = af_spawn(loop, argv, &files);
	struct af_future *end;
	int r;

	if (!sort) {
		fprintf(stderr, "%s\n", af_spawn_error(loop));
		af_loop_free(loop);
		return 1;
	}
	end = af_process_wait(sort, NULL);
	r = af_await(end);
	if (r == 0)
		printf("wait status %d\n", af_future_status(end));
	else
		fprintf(stderr, "sort: %s\n", strerror(-r));
	af_future_unref(end);
	af_process_free(sort);
	af_loop_free(loop);
	return r != 0;
}
