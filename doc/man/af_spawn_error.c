/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts the first program of a list that there is. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static struct af_process *start_one_of(struct af_loop *loop,
				       const char *const programs[])
{
	struct af_process *child;

	for (int i = 0; programs[i]; i++) {
		const char *const argv[] = { programs[i], NULL };

		child = af_spawn(loop, argv, NULL);
		if (child)
			return child;
		printf("%s\n", af_spawn_error(loop));
		fflush(stdout);
		if (af_spawn_error_step(loop) != AFIO_STEP_EXEC)
			break; /* another program would fail, too */
	}
	return NULL;
}

int main(void)
{
	const char *const pagers[] = { "no-such-pager", "cat", NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *pager = start_one_of(loop, pagers);
	struct af_future *end = af_process_wait(pager, NULL);
	int r = af_await(end);

	if (pager && r < 0)
		fprintf(stderr, "the pager: %s\n", strerror(-r));
	af_future_unref(end);
	af_process_free(pager);
	af_loop_free(loop);
	return r != 0;
}
