/* SPDX-License-Identifier: BSD-3-Clause */
/* Continues a child that has stopped itself, as the shell's fg does. */

#include <asyncfile.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Reports changes until the child has ended. */
static int follow(struct af_process *child)
{
	struct af_future *change;
	int r, status;

	do {
		change = af_process_wait_change(child, NULL);
		r = af_await(change);
		status = af_future_status(change);
		af_future_unref(change);
		if (r < 0)
			return r;
		if (WIFSTOPPED(status)) {
			printf("stopped\n");
			af_process_signal(child, SIGCONT);
		} else if (WIFCONTINUED(status)) {
			printf("continued\n");
			af_process_close_stdin(child);
		}
	} while (!WIFEXITED(status) && !WIFSIGNALED(status));
	printf("ended\n");
	return 0;
}

int main(void)
{
	const char *const argv[] = { "sh", "-c", "kill -STOP $$; cat", NULL };
	const struct af_spawn_options pipes = { .in.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &pipes);
	int r = follow(child);

	if (r < 0)
		fprintf(stderr, "sh: %s\n", strerror(-r));
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
