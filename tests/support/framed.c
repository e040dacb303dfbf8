/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layer for tests: its bytes are changed on the way, so that none can pass
 * it by.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>

#include "support/framed.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#define FRAME_MAX 4000

static void change(unsigned char *to, const unsigned char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = from[i] ^ 0x55;
}

static void drop(struct framed *framed, size_t n)
{
	framed->in_len -= n;
	memmove(framed->in, framed->in + n, framed->in_len);
}

/* Takes in what the socket has: whether there is something, or an end. */
static bool receive(struct framed *framed)
{
	ssize_t r = recv(framed->fd, framed->in + framed->in_len,
			 sizeof framed->in - framed->in_len, MSG_DONTWAIT);

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (r > 0)
		framed->in_len += (size_t)r;
	framed->is_over = r <= 0;
	framed->over = r < 0 ? -errno : -ECONNRESET;
	return true;
}

static ssize_t framed_read(void *arg, void *buf, size_t len)
{
	struct framed *framed = arg;

	if (framed->fail)
		return framed->fail;
	/* Whatever comes after the goodbye. */
	if (framed->is_over && framed->over == 0)
		return 0;
	for (;;) {
		if (framed->left > 0 && framed->in_len > 0) {
			size_t n = framed->left < len ? framed->left : len;

			n = n < framed->in_len ? n : framed->in_len;
			change(buf, framed->in, n);
			drop(framed, n);
			framed->left -= n;
			return (ssize_t)n;
		}
		if (framed->left == 0 && framed->in_len >= 2) {
			framed->left = framed->in[0] * 256u + framed->in[1];
			drop(framed, 2);
			framed->is_over = framed->left == 0;
			framed->over = 0;
		} else if (!framed->is_over && !receive(framed)) {
			return -EAGAIN;
		}
		if (framed->is_over)
			return framed->over;
	}
}

static void add(struct framed *framed, const void *data, size_t n)
{
	framed->out = realloc(framed->out, framed->out_len + n + 2);
	if (!framed->out)
		abort();
	framed->out[framed->out_len] = (unsigned char)(n / 256);
	framed->out[framed->out_len + 1] = (unsigned char)n;
	change(framed->out + framed->out_len + 2, data, n);
	framed->out_len += n + 2;
}

static ssize_t framed_write(void *arg, const void *buf, size_t len)
{
	struct framed *framed = arg;
	size_t n = len < FRAME_MAX ? len : FRAME_MAX;

	if (framed->finishes > 0)
		abort();
	if (framed->fail)
		return framed->fail;
	add(framed, buf, n);
	return (ssize_t)n;
}

static int framed_flush(void *arg)
{
	struct framed *framed = arg;
	ssize_t r;

	while (framed->out_len > 0) {
		r = send(framed->fd, framed->out, framed->out_len,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno == ECONNRESET ? -EPIPE : -errno;
		framed->out_len -= (size_t)r;
		memmove(framed->out, framed->out + r, framed->out_len);
	}
	return 0;
}

static int framed_finish(void *arg)
{
	struct framed *framed = arg;

	framed->finishes++;
	add(framed, "", 0);
	return 0;
}

static void framed_release(void *arg)
{
	struct framed *framed = arg;

	if (framed->releases)
		++*framed->releases;
	free(framed->out);
	free(framed);
}

const struct af_layer framed_layer = {
	.read = framed_read,
	.write = framed_write,
	.flush = framed_flush,
	.finish = framed_finish,
	.release = framed_release,
};

struct framed *framed_new(int fd, int *releases)
{
	struct framed *framed = calloc(1, sizeof *framed);

	if (!framed)
		abort();
	framed->fd = fd;
	framed->releases = releases;
	return framed;
}

struct framed *framed_on(struct af_file *file, int *releases)
{
	struct framed *framed = framed_new(af_file_fd(file), releases);
	struct evbuffer *early = evbuffer_new();
	int r = early ? af_file_set_layer(file, &framed_layer, framed, early)
		      : -ENOMEM;

	if (r < 0) {
		fprintf(stderr, "framed: %s\n", strerror(-r));
		abort();
	}
	framed->in_len = evbuffer_get_length(early);
	evbuffer_remove(early, framed->in, sizeof framed->in);
	evbuffer_free(early);
	return framed;
}
