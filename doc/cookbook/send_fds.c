/* SPDX-License-Identifier: BSD-3-Clause */
/* Passes standard input and open files to a process that runs already. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_FDS 16

/* Sends one byte, which carries the descriptors; they stay the caller's. */
static int send_fds(struct af_loop *loop, int sock, const int *fds, size_t n)
{
	union {
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	const struct timeval limit = { .tv_sec = 60 };
	struct iovec byte = { (char[]){ 0 }, 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct af_future *ready;
	ssize_t sent;
	int r;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(header), fds, n * sizeof(int));
	do {
		ready = af_wait_fd(loop, sock, EV_WRITE, &limit);
		r = af_await(ready);
		af_future_unref(ready);
		if (r < 0)
			return r;
		sent = sendmsg(sock, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && (errno == EAGAIN || errno == EINTR));
	return sent < 0 ? -errno : 0;
}

/* Returns a socket or a negative errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int sock, r;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&to, sizeof(to)) == 0)
		return sock < 0 ? -errno : sock;
	r = -errno;
	close(sock);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	int fds[MAX_FDS], r = 0, sock;
	size_t n = 0;

	if (argc < 2 || argc - 2 >= MAX_FDS) {
		fprintf(stderr, "usage: send_fds SOCKET [FILE]...\n");
		return 2;
	}
	fds[n++] = STDIN_FILENO;
	for (int i = 2; i < argc && r == 0; i++, n++) {
		fds[n] = open(argv[i], O_RDONLY | O_CLOEXEC);
		if (fds[n] < 0)
			r = -errno;
	}
	sock = r < 0 ? r : connect_to(argv[1]);
	r = sock < 0 ? sock : send_fds(loop, sock, fds, n);
	if (r < 0)
		fprintf(stderr, "send_fds: %s\n", strerror(-r));
	if (sock >= 0)
		close(sock);
	while (n > 1)
		close(fds[--n]); /* the receiver has its own */
	af_loop_free(loop);
	return r != 0;
}
