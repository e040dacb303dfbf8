/* SPDX-License-Identifier: BSD-3-Clause */
/* A proxy between two socket pairs, whose other ends are this program's. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* The proxy's end, whose peer is a file, too. */
static struct af_file *connected(struct af_loop *loop,
				 struct af_file **ret_peer)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return NULL;
	*ret_peer = af_file_new(loop, fds[1], 0);
	return af_file_new(loop, fds[0], 0);
}

int main(void)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *client = NULL, *server = NULL;
	struct af_file *a = connected(loop, &client);
	struct af_file *b = connected(loop, &server);
	struct af_future *proxy, *ask, *echo;
	int r;

	proxy = af_file_copy_both(a, b, &limit);
	ask = af_file_write(client, "hello\n", 6, AFIO_FULL, NULL);
	af_file_shutdown(client, SHUT_WR);
	echo = af_file_copy(server, server, -1, NULL);
	r = af_await(echo);
	af_file_shutdown(server, SHUT_WR);
	if (r == 0)
		r = af_await(proxy);
	if (r == 0)
		printf("%zu bytes there, %zu bytes back\n",
		       af_future_count(af_future_part(proxy, 0)),
		       af_future_count(af_future_part(proxy, 1)));
	else
		fprintf(stderr, "proxy: %s\n", strerror(-r));
	af_future_unref(proxy);
	af_future_unref(ask);
	af_future_unref(echo);
	af_file_close(a);
	af_file_close(b);
	af_file_close(client);
	af_file_close(server);
	af_loop_free(loop);
	return r != 0;
}
