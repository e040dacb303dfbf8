/* SPDX-License-Identifier: BSD-3-Clause */
/* Listens at a Unix socket, and prints all files that a peer passes. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FDS 16

static const struct timeval limit = { .tv_sec = 600 };

/* Prints a file of any kind, which it closes. */
static int print(struct af_file *out, int fd)
{
	struct af_file *in = af_file_new(af_file_loop(out), fd, 0);
	struct af_future *copied = af_file_copy(in, out, -1, NULL);
	int r = af_await(copied);

	af_future_unref(copied);
	if (!in)
		close(fd);
	af_file_close(in);
	return r;
}

/* Prints the files of one byte. Returns 0, 1 at the end, or a negative errno. */
static int print_set(struct af_file *out, struct af_file *peer)
{
	struct af_future *set =
		af_file_receive_fds(peer, 1, MAX_FDS, 0, &limit);
	int r = af_await(set);

	if (r == 0 && af_future_flags(set) & AFIO_FDS_DROPPED)
		r = -EMSGSIZE; /* more than there is room for */
	for (size_t i = 0; i < af_future_fds(set) && r == 0; i++)
		r = print(out, af_future_take_fd(set, i));
	if (r == 0 && af_future_flags(set) & AFIO_EOF)
		r = 1;
	af_future_unref(set); /* closes what was not taken */
	return r;
}

int main(int argc, char *argv[])
{
	const struct af_listen_options options = {
		.mode = 0600, /* nobody else may connect */
		.file_flags = AFIO_RECEIVE_FDS,
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *out = af_file_new(loop, STDOUT_FILENO, AFIO_KEEP_FD);
	struct af_listener *listener;
	struct af_file *peer;
	struct af_future *accept;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: receive_fds /SOCKET\n");
		return 2;
	}
	listener = af_listen(loop, argv[1], NULL, &options);
	accept = af_listener_accept(listener, &limit);
	r = af_await(accept);
	peer = af_future_take_file(accept);
	while (r == 0)
		r = print_set(out, peer);
	if (!listener)
		fprintf(stderr, "%s\n", af_listen_error(loop));
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	af_future_unref(accept);
	af_file_close(peer);
	af_listener_close(listener); /* removes the socket's path */
	af_file_close(out);
	af_loop_free(loop);
	return r < 0;
}
