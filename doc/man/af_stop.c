/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends a child that ignores SIGTERM. */

#include <asyncfile.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Returns the wait status, or a negative errno. */
static int stop(struct af_process *child)
{
	const struct timeval grace = { .tv_usec = 200000 };
	struct af_future *end = af_process_stop(child, &grace);
	int r = af_await(end);

	if (r == 0)
		r = af_future_status(end);
	af_future_unref(end);
	return r;
}

int main(void)
{
	const char *const argv[] = { "sleep", "60", NULL };
	const int ignored[] = { SIGTERM };
	const struct af_spawn_options options = { .ignored_signals = ignored,
						  .n_ignored_signals = 1 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &options);
	int status = stop(child);

	if (!child)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	else if (status < 0)
		fprintf(stderr, "sleep: %s\n", strerror(-status));
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		printf("it had to be killed\n");
	af_process_free(child);
	af_loop_free(loop);
	return status < 0;
}
