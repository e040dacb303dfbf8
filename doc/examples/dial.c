/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends a line to a server, and prints the line that it answers. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

static const struct timeval limit = { .tv_sec = 5 };

static int ask(struct af_file *server, const char *text)
{
	struct evbuffer *request = evbuffer_new();
	struct af_future *sent, *line;
	int r;

	evbuffer_add_printf(request, "%s\n", text);
	sent = af_file_write_buffer(server, request, AFIO_FULL, &limit);
	line = af_file_readline(server, 4096, 0, 0, &limit);
	r = af_await(sent);
	if (r == 0)
		r = af_await(line);
	if (r == 0 && af_future_flags(line) & AFIO_EOF)
		r = -ECONNRESET; /* before the end of the line */
	if (r == 0)
		printf("%s", af_future_data(line, NULL));
	else
		fprintf(stderr, "no answer: %s\n", strerror(-r));
	af_future_unref(sent);
	af_future_unref(line);
	evbuffer_free(request);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *connect;
	struct af_file *server;
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: dial HOST PORT TEXT\n");
		return 2;
	}
	connect = af_connect(loop, argv[1], argv[2], NULL, &limit);
	r = af_await(connect);
	server = af_future_take_file(connect);
	if (r == 0)
		r = ask(server, argv[3]);
	else
		fprintf(stderr, "%s\n", af_connect_error(connect));
	af_file_close(server);
	af_future_unref(connect);
	af_loop_free(loop);
	return r < 0;
}
