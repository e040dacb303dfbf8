/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes to a child, ends its input, and reads its output. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

/* Each operation begins at once, so none holds up another. */
static int talk(struct af_process *sort)
{
	struct af_future *steps[3];
	int r = 0;

	steps[0] = af_file_write(af_process_stdin(sort), "pear\nfig\n", 9,
				 AFIO_FULL, NULL);
	steps[1] = af_process_finish_stdin(sort, NULL);
	steps[2] = af_file_read(af_process_stdout(sort), 0, 0, NULL);
	for (int i = 0; i < 3 && r == 0; i++)
		r = af_await(steps[i]);
	if (r == 0)
		printf("%s", af_future_data(steps[2], NULL));
	for (int i = 0; i < 3; i++)
		af_future_unref(steps[i]);
	return r;
}

int main(void)
{
	const char *const argv[] = { "sort", NULL };
	const struct af_spawn_options pipes = { .in.kind = AFIO_PIPE,
						.out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *sort = af_spawn(loop, argv, &pipes);
	int r = talk(sort);

	if (!sort)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	else if (r < 0)
		fprintf(stderr, "sort: %s\n", strerror(-r));
	af_process_free(sort);
	af_loop_free(loop);
	return r != 0;
}
