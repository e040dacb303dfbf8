/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the files that other processes pass to it, one after the other. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_FDS 16

#ifndef MSG_CMSG_CLOEXEC /* as on macOS */
#define MSG_CMSG_CLOEXEC 0
#endif

static int wait_readable(struct af_loop *loop, int fd)
{
	const struct timeval limit = { .tv_sec = 600 };
	struct af_future *ready = af_wait_fd(loop, fd, EV_READ, &limit);
	int r = af_await(ready);

	af_future_unref(ready);
	return r;
}

/* Returns how many came, 0 at the end, or a negative errno. */
static int receive_fds(struct af_loop *loop, int sock, int fds[MAX_FDS])
{
	union {
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec byte = { (char[]){ 0 }, 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header;
	size_t size = 0;
	ssize_t n;
	int r;

	do {
		r = wait_readable(loop, sock);
		if (r < 0)
			return r;
		n = recvmsg(sock, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n <= 0)
		return n < 0 ? -errno : 0;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS) {
		size = header->cmsg_len - CMSG_LEN(0);
		memcpy(fds, CMSG_DATA(header), size);
	}
	if (message.msg_flags & MSG_CTRUNC) { /* more than there is room for */
		for (size_t i = 0; i < size / sizeof(int); i++)
			close(fds[i]);
		return -EMSGSIZE;
	}
	return (int)(size / sizeof(int));
}

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

/* Prints all files that a peer passes. Returns 0 or a negative errno. */
static int print_all(struct af_file *out, int sock)
{
	int fds[MAX_FDS], r = 0, n;

	while (r == 0) {
		n = receive_fds(af_file_loop(out), sock, fds);
		if (n <= 0)
			return n;
		for (int i = 0; i < n; i++) {
			if (r == 0)
				r = print(out, fds[i]);
			else
				close(fds[i]);
		}
	}
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *out = af_file_new(loop, STDOUT_FILENO, AFIO_KEEP_FD);
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int listener = -1, peer = -1, r = -EINVAL;

	if (!out || argc != 2 || strlen(argv[1]) >= sizeof(own.sun_path)) {
		fprintf(stderr, "usage: receive_fds SOCKET\n");
		goto out;
	}
	strcpy(own.sun_path, argv[1]);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    listen(listener, 1) < 0)
		r = -errno;
	else
		r = wait_readable(loop, listener);
	if (r == 0) {
		peer = accept(listener, NULL, NULL);
		r = peer < 0 ? -errno : print_all(out, peer);
	}
	if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
out:
	if (peer >= 0)
		close(peer);
	if (listener >= 0)
		close(listener);
	af_file_close(out);
	af_loop_free(loop);
	return r != 0;
}
