/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies from one child to another, no faster than the second one reads. */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGH 65536 /* stop reading when so much is waiting to be written */

struct copy {
	struct bufferevent *from, *to;
	size_t bytes;
	bool at_end;
};

/* Starts a child with a pipe at its descriptor fd, returns our end. */
static int start(char *const argv[], int fd, pid_t *ret_pid)
{
	int ends[2], ours = fd == STDIN_FILENO; /* we write to its stdin */

	if (pipe(ends) < 0)
		return -1;
	*ret_pid = fork();
	if (*ret_pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(ends[!ours], fd);
		close(ends[0]);
		close(ends[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(ends[!ours]);
	evutil_make_socket_closeonexec(ends[ours]);
	evutil_make_socket_nonblocking(ends[ours]);
	return *ret_pid < 0 ? -1 : ends[ours];
}

/* Both bufferevents end here: without them the loop ends. */
static void finish(struct copy *copy)
{
	bufferevent_free(copy->from);
	bufferevent_free(copy->to);
}

static void on_read(struct bufferevent *from, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(from);
	struct copy *copy = arg;

	copy->bytes += evbuffer_get_length(input);
	bufferevent_write_buffer(copy->to, input);
	if (evbuffer_get_length(bufferevent_get_output(copy->to)) >= HIGH)
		bufferevent_disable(from, EV_READ);
}

/* The output is empty again. */
static void on_written(struct bufferevent *to, void *arg)
{
	struct copy *copy = arg;

	(void)to;
	if (copy->at_end)
		finish(copy);
	else
		bufferevent_enable(copy->from, EV_READ);
}

static void on_from_end(struct bufferevent *from, short what, void *arg)
{
	struct copy *copy = arg;

	(void)from;
	(void)what;
	copy->at_end = true;
	if (evbuffer_get_length(bufferevent_get_output(copy->to)) == 0)
		finish(copy);
}

static void on_to_end(struct bufferevent *to, short what, void *arg)
{
	(void)to;
	(void)what;
	finish(arg);
}

int main(void)
{
	char *seq[] = { "seq", "100000", NULL };
	char *tail[] = { "tail", "-n", "1", NULL };
	struct event_base *base = event_base_new();
	pid_t seq_pid, tail_pid;
	struct copy copy = { 0 };
	int out, in;

	signal(SIGPIPE, SIG_IGN); /* or a reader that leaves kills us */
	out = start(seq, STDOUT_FILENO, &seq_pid);
	in = start(tail, STDIN_FILENO, &tail_pid);
	if (out < 0 || in < 0) {
		perror("start");
		return 1;
	}
	copy.from = bufferevent_socket_new(base, out, BEV_OPT_CLOSE_ON_FREE);
	copy.to = bufferevent_socket_new(base, in, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(copy.from, on_read, NULL, on_from_end, &copy);
	bufferevent_setcb(copy.to, NULL, on_written, on_to_end, &copy);
	bufferevent_enable(copy.from, EV_READ);
	event_base_dispatch(base);
	waitpid(seq_pid, NULL, 0);
	waitpid(tail_pid, NULL, 0);
	printf("%zu bytes\n", copy.bytes);
	event_base_free(base);
	return 0;
}
