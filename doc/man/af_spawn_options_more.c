/* SPDX-License-Identifier: BSD-3-Clause */
/* A child whose time is limited even if this program ends before it. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs in the child. An alarm survives the exec. */
static int set_alarm(void *arg)
{
	const unsigned *seconds = arg;

	alarm(*seconds);
	return 0;
}

int main(void)
{
	const char *const argv[] = { "sleep", "60", NULL };
	unsigned seconds = 1;
	const struct af_spawn_options options = {
		.before_exec = set_alarm,
		.before_exec_arg = &seconds,
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &options);
	struct af_future *end = af_process_wait(child, NULL);
	int r = af_await(end);
	int status = af_future_status(end);

	if (!child)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	else if (r < 0)
		fprintf(stderr, "sleep: %s\n", strerror(-r));
	else if (WIFSIGNALED(status))
		printf("sleep: %s\n", strsignal(WTERMSIG(status)));
	af_future_unref(end);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
