/* SPDX-License-Identifier: BSD-3-Clause */
/* What works in a child of fork(2) whose parent has a loop, and what does not. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A loop of its own; the parent's is not even freed here. */
static int in_child(struct af_future *of_parent)
{
	const char *const argv[] = { "echo", "the child's loop works", NULL };
	struct af_loop *loop;
	struct af_future *run;
	int r;

	r = af_await(of_parent);
	printf("the parent's loop, in the child: %s\n", strerror(-r));
	loop = af_loop_new(NULL);
	run = af_run(loop, argv, NULL);
	r = af_await(run);
	if (r == 0)
		printf("%s", af_future_output(run)->out);
	af_future_unref(run);
	af_loop_free(loop);
	fflush(stdout);
	return r != 0;
}

int main(void)
{
	const struct timeval soon = { .tv_usec = 1000 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *sleep = af_sleep(loop, &soon), *end;
	struct af_process *child;
	pid_t pid = fork();
	int r, status;

	if (pid < 0) {
		perror("fork");
		return 1;
	}
	if (pid == 0)
		_exit(in_child(sleep)); /* no exit(3): it is the parent's */
	child = af_process_adopt(loop, pid, -1, -1, -1);
	end = af_process_wait(child, NULL);
	r = af_await(end);
	status = af_future_status(end);
	if (r == 0)
		printf("the child's exit status: %d\n", WEXITSTATUS(status));
	if (r == 0)
		r = af_await(sleep);
	printf("the parent's loop, in the parent: %s\n",
	       r ? strerror(-r) : "works");
	af_future_unref(sleep);
	af_future_unref(end);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
