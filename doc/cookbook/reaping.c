/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reaping: learns the status of four children that end at the same time, in a
 * program whose own handler reaps whatever it can get.
 */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N 4

/* Another part of the program. It passes on what is the library's. */
static void on_sigchld(evutil_socket_t sig, short what, void *arg)
{
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		af_loop_reaped(arg, pid, status);
}

static struct af_process *start(struct af_loop *loop, const char *command)
{
	const char *const argv[] = { "sh", "-c", command, NULL };

	return af_spawn(loop, argv, NULL);
}

/* A child that this program has started by itself. */
static struct af_process *start_by_fork(struct af_loop *loop)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(4);
	return pid < 0 ? NULL : af_process_adopt(loop, pid, -1, -1, -1);
}

static void print_end(int i, int r, int status)
{
	if (r < 0)
		printf("child %d: %s\n", i, strerror(-r));
	else if (WIFSIGNALED(status))
		printf("child %d: signal %d\n", i, WTERMSIG(status));
	else
		printf("child %d: exit status %d\n", i, WEXITSTATUS(status));
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct event *sigchld =
		evsignal_new(af_loop_base(loop), SIGCHLD, on_sigchld, loop);
	struct af_process *children[N];
	struct af_future *ends[N], *all;

	if (!sigchld || event_add(sigchld, NULL) < 0)
		return 1;
	children[0] = start(loop, "exit 1");
	children[1] = start(loop, "exit 2");
	children[2] = start(loop, "kill -KILL $$");
	children[3] = start_by_fork(loop);
	for (int i = 0; i < N; i++)
		ends[i] = af_process_wait(children[i], NULL);
	all = af_all_settled(loop, ends, N);
	af_await(all);
	for (int i = 0; i < N; i++) {
		const struct af_future *end = af_future_part(all, (size_t)i);

		print_end(i, af_future_error(end), af_future_status(end));
		af_process_free(children[i]);
	}
	af_future_unref(all);
	event_free(sigchld);
	af_loop_free(loop);
	return 0;
}
