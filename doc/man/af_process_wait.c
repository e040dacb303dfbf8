/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits for a child for a while, and then ends it. */

#include <asyncfile.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const struct timeval limit = { .tv_usec = 100000 };

/* Returns 0 and the wait status, or a negative errno. */
static int wait_for(struct af_process *child, const struct timeval *timeout,
		    int *ret_status)
{
	struct af_future *end = af_process_wait(child, timeout);
	int r = af_await(end);

	if (r == 0)
		*ret_status = af_future_status(end);
	af_future_unref(end);
	return r;
}

int main(void)
{
	const char *const argv[] = { "sleep", "60", NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, NULL);
	int status = 0;
	int r = wait_for(child, &limit, &status);

	if (r == -ETIMEDOUT) {
		printf("it is still running\n");
		af_process_signal(child, SIGTERM);
		r = wait_for(child, NULL, &status);
	}
	if (r < 0)
		fprintf(stderr, "sleep: %s\n", strerror(-r));
	else if (WIFSIGNALED(status))
		printf("ended by signal %d\n", WTERMSIG(status));
	else
		printf("exit status %d\n", WEXITSTATUS(status));
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
