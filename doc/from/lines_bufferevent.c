/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the lines of a child as they come, and then its exit status. */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
	struct event_base *base;
	pid_t pid;
	int n, status;
	bool at_end, has_exited;
};

/* Starts the child, returns its output. */
static int start(struct job *job)
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	job->pid = fork();
	if (job->pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("sh", "sh", "-c", "echo one; echo two; exit 3", NULL);
		_exit(127);
	}
	close(ends[1]);
	if (job->pid < 0) {
		close(ends[0]);
		return -1;
	}
	evutil_make_socket_closeonexec(ends[0]);
	evutil_make_socket_nonblocking(ends[0]);
	return ends[0];
}

/* The exit and the end of the output come in either order. */
static void finish(struct job *job)
{
	if (job->at_end && job->has_exited)
		event_base_loopbreak(job->base);
}

static void on_read(struct bufferevent *out, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(out);
	struct job *job = arg;
	char *line;

	while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF))) {
		printf("%d: %s\n", ++job->n, line);
		free(line);
	}
}

static void on_event(struct bufferevent *out, short what, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(out);
	size_t rest = evbuffer_get_length(input);
	struct job *job = arg;

	(void)what;
	if (rest > 0)
		printf("%d: %.*s", ++job->n, (int)rest,
		       (char *)evbuffer_pullup(input, -1));
	job->at_end = true;
	finish(job);
}

static void on_sigchld(evutil_socket_t sig, short what, void *arg)
{
	struct job *job = arg;

	(void)sig;
	(void)what;
	if (waitpid(job->pid, &job->status, WNOHANG) == job->pid)
		job->has_exited = true;
	finish(job);
}

int main(void)
{
	struct job job = { .base = event_base_new() };
	struct bufferevent *out;
	struct event *sigchld;
	int fd;

	sigchld = evsignal_new(job.base, SIGCHLD, on_sigchld, &job);
	event_add(sigchld, NULL);
	fd = start(&job);
	if (fd < 0) {
		perror("sh");
		return 1;
	}
	out = bufferevent_socket_new(job.base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(out, on_read, NULL, on_event, &job);
	bufferevent_enable(out, EV_READ);
	event_base_dispatch(job.base);
	printf("exit status %d\n", WEXITSTATUS(job.status));
	bufferevent_free(out);
	event_free(sigchld);
	event_base_free(job.base);
	return 0;
}
