/* SPDX-License-Identifier: BSD-3-Clause */
/* Passes its standard input, and files, to a process at a Unix socket. */

#include <asyncfile.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FDS 16

static const struct timeval limit = { .tv_sec = 60 };

/* Sends one byte, which carries the descriptors; they stay the caller's. */
static int send_fds(struct af_loop *loop, const char *path, const int *fds,
		    size_t n)
{
	struct af_future *connect = af_connect(loop, path, NULL, NULL, &limit);
	struct af_future *sent = NULL;
	struct af_file *to;
	int r = af_await(connect);

	if (r < 0)
		fprintf(stderr, "%s\n", af_connect_error(connect));
	to = af_future_take_file(connect);
	if (to) {
		sent = af_file_send_fds(to, "", 1, fds, n, 0, &limit);
		r = af_await(sent);
		if (r < 0)
			fprintf(stderr, "%s: %s\n", path, strerror(-r));
	}
	af_future_unref(sent);
	af_future_unref(connect);
	af_file_close(to);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop;
	int fds[MAX_FDS], r = 0;
	size_t n = 0;

	if (argc < 2 || argc - 2 >= MAX_FDS) {
		fprintf(stderr, "usage: send_fds /SOCKET [FILE]...\n");
		return 2;
	}
	loop = af_loop_new(NULL);
	fds[n++] = STDIN_FILENO;
	for (int i = 2; i < argc && r == 0; i++) {
		fds[n] = open(argv[i], O_RDONLY | O_CLOEXEC);
		if (fds[n] >= 0) {
			n++;
		} else {
			r = -errno;
			perror(argv[i]);
		}
	}
	if (r == 0)
		r = send_fds(loop, argv[1], fds, n);
	while (n > 1)
		close(fds[--n]); /* the receiver has its own */
	af_loop_free(loop);
	return r != 0;
}
