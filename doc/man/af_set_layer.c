/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A layer that changes letters on the way, and lines over it.
 */

#include <asyncfile.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Elsewhere, the library has set SO_NOSIGPIPE. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

struct secret {
	int fd;
	char out[4096];
	size_t n;
};

static void change(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = isalpha((unsigned char)from[i]) ? from[i] ^ ' '
							: from[i];
}

static ssize_t secret_read(void *arg, void *buf, size_t len)
{
	struct secret *secret = arg;
	ssize_t r = recv(secret->fd, buf, len, MSG_DONTWAIT);

	if (r > 0)
		change(buf, buf, (size_t)r);
	return r < 0 ? -errno : r;
}

static ssize_t secret_write(void *arg, const void *buf, size_t len)
{
	struct secret *secret = arg;
	size_t room = sizeof(secret->out) - secret->n;
	size_t n = len < room ? len : room;

	change(secret->out + secret->n, buf, n);
	secret->n += n;
	return n > 0 ? (ssize_t)n : -ENOBUFS;
}

static int secret_flush(void *arg)
{
	struct secret *secret = arg;
	ssize_t r;

	while (secret->n > 0) {
		r = send(secret->fd, secret->out, secret->n,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r < 0)
			return -errno;
		secret->n -= (size_t)r;
		memmove(secret->out, secret->out + r, secret->n);
	}
	return 0;
}

static const struct af_layer secret_layer = {
	.read = secret_read,
	.write = secret_write,
	.flush = secret_flush,
	.release = free,
};

static struct af_file *open_secret(struct af_loop *loop, int fd)
{
	struct secret *secret = calloc(1, sizeof(*secret));
	struct af_file *file = af_file_new(loop, fd, 0);

	if (secret)
		secret->fd = fd;
	if (secret && file &&
	    af_file_set_layer(file, &secret_layer, secret, NULL) == 0)
		return file;
	free(secret);
	af_file_close(file);
	return NULL;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *plain, *secret;
	struct af_future *line;
	int fds[2], r = 1;

	if (!loop || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		return 1;
	plain = af_file_new(loop, fds[0], 0);
	secret = open_secret(loop, fds[1]);
	if (plain && secret) {
		af_future_unref(af_file_write(secret, "Hello\n", 6, 0, NULL));
		line = af_file_readline(plain, 0, 0, 0, NULL);
		r = af_await(line);
		printf("on the way: %s",
		       r == 0 ? af_future_data(line, NULL) : strerror(-r));
		af_future_unref(line);
	}
	af_file_close(plain);
	af_file_close(secret);
	af_loop_free(loop);
	return r != 0;
}
