/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers requests when a child has said what to answer. */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What must be kept from a request to its answer. */
struct request {
	struct bufferevent *client, *child;
	pid_t pid;
};

/* Starts expr, returns its output. */
static int start(const char *n, pid_t *ret_pid)
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	*ret_pid = fork();
	if (*ret_pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("expr", "expr", n, "*", n, NULL);
		_exit(127);
	}
	close(ends[1]);
	if (*ret_pid < 0) {
		close(ends[0]);
		return -1;
	}
	evutil_make_socket_closeonexec(ends[0]);
	evutil_make_socket_nonblocking(ends[0]);
	return ends[0];
}

/* The child has closed its output. */
static void on_end(struct bufferevent *child, short what, void *arg)
{
	struct request *request = arg;
	int status;

	(void)what;
	waitpid(request->pid, &status, 0); /* it is about to exit */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		bufferevent_write_buffer(request->client,
					 bufferevent_get_input(child));
	else
		bufferevent_write(request->client, "error\n", 6);
	bufferevent_free(child);
	free(request);
}

static void reply(struct bufferevent *client, const char *n,
		  struct event_base *base)
{
	struct request *request = calloc(1, sizeof(*request));
	int out = request ? start(n, &request->pid) : -1;

	if (out < 0) {
		bufferevent_write(client, "error\n", 6);
		free(request);
		return;
	}
	request->client = client;
	request->child =
		bufferevent_socket_new(base, out, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(request->child, NULL, NULL, on_end, request);
	bufferevent_enable(request->child, EV_READ);
}

static void on_request(struct bufferevent *client, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(client);
	char *n;

	while ((n = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF))) {
		reply(client, n, arg);
		free(n);
	}
}

static void on_reply(struct bufferevent *server, void *arg)
{
	char *line = evbuffer_readln(bufferevent_get_input(server), NULL,
				     EVBUFFER_EOL_LF);

	if (!line)
		return;
	printf("the answer is %s\n", line);
	free(line);
	event_base_loopexit(arg, NULL);
}

int main(void)
{
	struct event_base *base = event_base_new();
	struct bufferevent *client, *server;
	int ends[2], r;

	if (!base || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return 1;
	evutil_make_socket_nonblocking(ends[0]);
	evutil_make_socket_nonblocking(ends[1]);
	client = bufferevent_socket_new(base, ends[0], BEV_OPT_CLOSE_ON_FREE);
	server = bufferevent_socket_new(base, ends[1], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(client, on_request, NULL, NULL, base);
	bufferevent_enable(client, EV_READ);
	bufferevent_setcb(server, on_reply, NULL, NULL, base);
	bufferevent_enable(server, EV_READ);
	bufferevent_write(server, "12\n", 3);
	r = event_base_dispatch(base);
	bufferevent_free(client);
	bufferevent_free(server);
	event_base_free(base);
	return r < 0;
}
