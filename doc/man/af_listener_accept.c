/* SPDX-License-Identifier: BSD-3-Clause */
/* An echo server that serves what has come, and stops. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(struct af_future *copied, void *file)
{
	printf("%zu bytes back\n", af_future_count(copied));
	af_file_close(file);
}

/* Called with every connection; what it starts goes on. */
static int serve(struct af_file *file, void *arg)
{
	(void)arg;
	af_on_done(af_file_copy(file, file, -1, NULL), end, file);
	return 0;
}

/* For this example: two peers that say something, and hang up. */
static int dial(struct af_listener *listener, const char *text)
{
	socklen_t len;
	const struct sockaddr *address = af_listener_address(listener, 0, &len);
	int fd = socket(address->sa_family, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, address, len) < 0 ||
	    write(fd, text, strlen(text)) < 0)
		return -1;
	shutdown(fd, SHUT_WR);
	return fd;
}

int main(void)
{
	const struct timeval grace = { .tv_sec = 10 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_listener *listener = af_listen(loop, "127.0.0.1", "0", NULL);
	struct af_future *each, *stop;
	int fds[2];

	if (!listener)
		return 1;
	each = af_listener_each(listener, serve, NULL);
	fds[0] = dial(listener, "hello\n");
	fds[1] = dial(listener, "hello\n");
	/* A server would do this on SIGTERM. */
	stop = af_listener_stop(listener, &grace);
	if (af_await(stop) < 0)
		printf("%zu are still open\n", af_future_count(stop));
	printf("%zu were served\n", af_future_count(each));
	af_future_unref(each);
	af_future_unref(stop);
	af_listener_close(listener);
	close(fds[0]);
	close(fds[1]);
	af_loop_free(loop);
	return 0;
}
