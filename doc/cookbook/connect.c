/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends a line to a TCP server and prints the answer; each step is limited. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct timeval limit = { .tv_sec = 2 };

/* Returns a file; NULL: it has printed why not. */
static struct af_file *connect_to(struct af_loop *loop, const char *host,
				  const char *service)
{
	struct af_future *connect;
	struct af_file *peer = NULL;

	connect = af_connect(loop, host, service, NULL, &limit);
	if (af_await(connect) == 0)
		peer = af_future_take_file(connect);
	else
		fprintf(stderr, "%s\n", af_connect_error(connect));
	af_future_unref(connect);
	return peer;
}

/* Returns 0 or a negative errno; the connection can be used after either. */
static int talk(struct af_file *peer, const char *text)
{
	struct af_future *said, *heard;
	int r;

	said = af_file_write(peer, text, strlen(text), AFIO_FULL, &limit);
	heard = af_file_readline(peer, 4096, 0, AFIO_FULL, NULL);
	r = af_await(said);
	if (r == 0 && af_future_flags(said) & AFIO_TIMEDOUT)
		r = -ETIMEDOUT;
	printf("%zu bytes were sent\n", af_future_count(said));
	if (r == 0)
		r = af_await_for(heard, &limit);
	af_future_cancel(heard); /* what has arrived stays in the file */
	if (r == 0)
		printf("the answer: %s", af_future_data(heard, NULL));
	af_future_unref(said);
	af_future_unref(heard);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop;
	struct af_file *peer;
	int r = -1;

	if (argc != 4) {
		fprintf(stderr, "usage: connect HOST PORT TEXT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	loop = af_loop_new(NULL);
	peer = connect_to(loop, argv[1], argv[2]);
	if (peer)
		r = talk(peer, argv[3]);
	if (r == -ETIMEDOUT) {
		printf("once more\n");
		r = talk(peer, "\n");
	}
	if (peer && r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	af_file_close(peer);
	af_loop_free(loop);
	return r != 0;
}
