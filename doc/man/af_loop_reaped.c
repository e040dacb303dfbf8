/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits for a child in a program that reaps all children itself. */

#include <asyncfile.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void on_sigchld(evutil_socket_t sig, short what, void *arg)
{
	struct af_loop *loop = arg;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (af_loop_reaped(loop, pid, status) == 0)
			printf("a child of another part has ended\n");
}

int main(void)
{
	const char *const argv[] = { "sh", "-c", "exit 3", NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct event *sigchld =
		evsignal_new(af_loop_base(loop), SIGCHLD, on_sigchld, loop);
	struct af_process *child;
	struct af_future *end;
	int r, status;

	event_add(sigchld, NULL);
	child = af_spawn(loop, argv, NULL);
	end = af_process_wait(child, NULL);
	r = af_await(end);
	status = af_future_status(end);
	if (r == 0)
		printf("exit status %d\n", WEXITSTATUS(status));
	else
		fprintf(stderr, "sh: %s\n", strerror(-r));
	af_future_unref(end);
	af_process_free(child);
	event_free(sigchld);
	af_loop_free(loop);
	return r != 0;
}
