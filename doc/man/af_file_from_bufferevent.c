/* SPDX-License-Identifier: BSD-3-Clause */
/* A file on one end of a bufferevent_pair, whose other end echoes. */

#include <asyncfile.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

static void echo(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_write_buffer(bev, bufferevent_get_input(bev));
}

static int talk(struct af_file *file)
{
	const struct timeval limit = { .tv_sec = 5 };
	struct af_future *write, *line;
	int r;

	write = af_file_write(file, "hello\n", 6, AFIO_FULL, &limit);
	line = af_file_readline(file, 0, 0, 0, &limit);
	r = af_await(write);
	if (r == 0)
		r = af_await(line);
	if (r == 0)
		printf("the echo: %s", af_future_data(line, NULL));
	af_future_unref(write);
	af_future_unref(line);
	return r;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct bufferevent *pair[2];
	struct af_file *file;
	int r;

	if (bufferevent_pair_new(af_loop_base(loop), 0, pair) < 0)
		return 1;
	bufferevent_setcb(pair[1], echo, NULL, NULL, NULL);
	bufferevent_enable(pair[1], EV_READ | EV_WRITE);
	file = af_file_from_bufferevent(loop, pair[0], 0);
	if (!file)
		bufferevent_free(pair[0]);
	r = talk(file);
	if (r < 0)
		fprintf(stderr, "no echo: %s\n", strerror(-r));
	bufferevent_free(pair[1]);
	af_file_close(file);
	af_loop_free(loop);
	return r != 0;
}
