/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits, in the loop, for a library that reads its descriptor itself. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * The library, in the manner of libpq, libmosquitto and others: it has a
 * descriptor, a function that reads what is there, and one that returns what has
 * been read so far. It knows nothing of any loop.
 */
struct feed {
	int fd;
	size_t len;
	char buf[4096];
};

static int feed_fd(const struct feed *feed)
{
	return feed->fd;
}

/* Returns 1, 0 at the end, or -1 with errno. */
static int feed_consume(struct feed *feed)
{
	ssize_t n;

	if (feed->len == sizeof(feed->buf)) {
		errno = EMSGSIZE;
		return -1;
	}
	n = read(feed->fd, feed->buf + feed->len,
		 sizeof(feed->buf) - feed->len);
	if (n > 0)
		feed->len += (size_t)n;
	return n > 0 ? 1 : (int)n;
}

/* Takes the next message, a line. Returns false if there is none yet. */
static int feed_next(struct feed *feed, char message[sizeof(feed->buf)])
{
	const char *end = memchr(feed->buf, '\n', feed->len);
	size_t len;

	if (!end)
		return 0;
	len = (size_t)(end - feed->buf);
	memcpy(message, feed->buf, len);
	message[len] = '\0';
	feed->len -= len + 1;
	memmove(feed->buf, end + 1, feed->len);
	return 1;
}

static struct af_future *wait_more(struct af_loop *loop, struct feed *feed);

/* The library may have several messages, and will not be ready again for them. */
static struct af_future *on_ready(struct af_future *ready, void *arg)
{
	struct af_loop *loop = af_future_loop(ready);
	char message[sizeof(((struct feed *)arg)->buf)];
	struct feed *feed = arg;
	int r = feed_consume(feed);

	if (r <= 0)
		return r ? af_failed(loop, -errno) : NULL;
	while (feed_next(feed, message))
		printf("message: %s\n", message);
	return wait_more(loop, feed);
}

static struct af_future *wait_more(struct af_loop *loop, struct feed *feed)
{
	const struct timeval limit = { .tv_sec = 60 };

	return af_then(af_wait_fd(loop, feed_fd(feed), EV_READ, &limit),
		       on_ready, feed);
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct feed feed = { .fd = STDIN_FILENO };
	struct af_future *all = wait_more(loop, &feed);
	int r = af_await(all);

	if (r < 0)
		fprintf(stderr, "feed: %s\n", strerror(-r));
	af_future_unref(all);
	af_loop_free(loop);
	return r != 0;
}
