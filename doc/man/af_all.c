/* SPDX-License-Identifier: BSD-3-Clause */
/* af_all(3): three commands at the same time. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define N 3

int main(void)
{
	const char *const commands[N] = { "echo 1", "echo 2", "exit 3" };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *runs[N], *all;
	int r;

	for (int i = 0; i < N; i++) {
		const char *const argv[] = { "sh", "-c", commands[i], NULL };

		runs[i] = af_run(loop, argv, NULL);
	}
	all = af_all(loop, runs, N);
	r = af_await(all);
	for (size_t i = 0; r == 0 && i < N; i++) {
		struct af_future *run = af_future_part(all, i);
		int status = af_future_status(run);

		printf("%s: exit status %d, %zu bytes\n", commands[i],
		       WEXITSTATUS(status), af_future_output(run)->out_len);
	}
	if (r < 0)
		fprintf(stderr, "a command failed: %s\n", strerror(-r));
	af_future_unref(all);
	af_loop_free(loop);
	return r != 0;
}
