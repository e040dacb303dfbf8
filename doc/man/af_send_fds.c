/* SPDX-License-Identifier: BSD-3-Clause */
/* Passes the reading end of a pipe, and reads from it at the other end. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct timeval limit = { .tv_sec = 5 };

/* Sends one end of a pipe in which there is a text. */
static struct af_future *send_pipe(struct af_file *to)
{
	struct af_future *sent;
	int ends[2];

	if (pipe(ends) < 0)
		return af_failed(af_file_loop(to), -errno);
	(void)!write(ends[1], "from the pipe\n", 14);
	close(ends[1]);
	sent = af_file_send_fds(to, "a pipe", 6, &ends[0], 1, 0, &limit);
	close(ends[0]); /* has been sent, or duplicated */
	return sent;
}

/* Takes what came: one descriptor, or none. */
static int print_received(struct af_future *received)
{
	struct af_loop *loop = af_future_loop(received);
	struct af_file *in;
	struct af_future *line;
	int fd = af_future_take_fd(received, 0), r;

	printf("%s, and %zu descriptor\n", af_future_data(received, NULL),
	       af_future_fds(received));
	in = af_file_new(loop, fd, 0); /* takes it over */
	line = af_file_readline(in, 100, 0, 0, &limit);
	r = af_await(line);
	if (r == 0)
		printf("it says: %s", af_future_data(line, NULL));
	af_future_unref(line);
	af_file_close(in);
	return r;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *from, *to;
	struct af_future *sent, *received;
	pid_t pid;
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return 1;
	to = af_file_new(loop, ends[0], 0);
	from = af_file_new(loop, ends[1], AFIO_RECEIVE_FDS);
	if (af_file_peer_credentials(from, &pid, NULL, NULL) == 0)
		printf("the other end is %s\n",
		       pid == getpid() ? "this process" : "another");
	sent = send_pipe(to);
	received = af_file_receive_fds(from, 6, 1, AFIO_FULL, &limit);
	r = af_await(received);
	if (r == 0)
		r = print_received(received);
	if (r < 0)
		fprintf(stderr, "receive: %s\n", strerror(-r));
	af_future_unref(received);
	af_future_unref(sent);
	af_file_close(from);
	af_file_close(to);
	af_loop_free(loop);
	return r != 0;
}
