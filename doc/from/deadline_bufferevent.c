/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits a limited time for a line. The half that came by then is not lost. */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct talk {
	struct event_base *base;
	struct bufferevent *in, *out;
	struct event *deadline;
};

/* Starts a child; ends[0] becomes its output, ends[1] its input. */
static pid_t start(int ends[2])
{
	int in[2], out[2];
	pid_t pid;

	if (pipe(in) < 0 || pipe(out) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		execlp("sh", "sh", "-c", "printf hal; read go; echo f", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	ends[0] = out[0];
	ends[1] = in[1];
	for (int i = 0; i < 2; i++) {
		evutil_make_socket_closeonexec(ends[i]);
		evutil_make_socket_nonblocking(ends[i]);
	}
	return pid;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct talk *talk = arg;

	(void)fd;
	(void)what;
	printf("no line yet\n");
	bufferevent_write(talk->in, "go\n", 3);
}

static void on_read(struct bufferevent *out, void *arg)
{
	struct talk *talk = arg;
	char *line = evbuffer_readln(bufferevent_get_input(out), NULL,
				     EVBUFFER_EOL_LF);

	if (!line)
		return; /* half a line: it stays in the buffer */
	printf("%s\n", line);
	free(line);
	event_del(talk->deadline);
	event_base_loopbreak(talk->base);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct talk *talk = arg;

	(void)bev;
	(void)what;
	event_base_loopbreak(talk->base);
}

int main(void)
{
	const struct timeval limit = { .tv_usec = 100000 };
	struct talk talk = { .base = event_base_new() };
	int ends[2];
	pid_t pid;

	signal(SIGPIPE, SIG_IGN); /* the child may end before it reads */
	pid = start(ends);
	if (pid < 0) {
		perror("sh");
		return 1;
	}
	talk.out = bufferevent_socket_new(talk.base, ends[0],
					  BEV_OPT_CLOSE_ON_FREE);
	talk.in = bufferevent_socket_new(talk.base, ends[1],
					 BEV_OPT_CLOSE_ON_FREE);
	talk.deadline = evtimer_new(talk.base, on_deadline, &talk);
	bufferevent_setcb(talk.out, on_read, NULL, on_event, &talk);
	bufferevent_setcb(talk.in, NULL, NULL, on_event, &talk);
	bufferevent_enable(talk.out, EV_READ);
	event_add(talk.deadline, &limit);
	event_base_dispatch(talk.base);
	event_free(talk.deadline);
	bufferevent_free(talk.in);
	bufferevent_free(talk.out);
	waitpid(pid, NULL, 0);
	event_base_free(talk.base);
	return 0;
}
