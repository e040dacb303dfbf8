/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends a text over TLS, and prints the answer; tries again at first. */

#include <asyncfile.h>
#include <asyncfile/tls.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LONGEST_PAUSE_MS 2000

static const struct timeval limit = { .tv_sec = 10 };

/* Reading up to the end is what makes the close lose nothing. */
static int talk(struct af_file *server, const char *text)
{
	struct af_future *said, *heard;
	int r;

	heard = af_file_read(server, 0, 0, &limit);
	said = af_file_write(server, text, strlen(text), AFIO_FULL, &limit);
	r = af_await(said);
	if (r == 0)
		r = af_file_shutdown(server, SHUT_WR); /* says goodbye */
	if (r == 0)
		r = af_await(heard);
	if (r == 0)
		printf("%s", af_future_data(heard, NULL));
	if (r == 0 && !(af_future_flags(heard) & AFIO_EOF))
		r = -ETIMEDOUT;
	if (r < 0)
		fprintf(stderr, "the talk failed: %s\n", strerror(-r));
	af_future_unref(said);
	af_future_unref(heard);
	return r;
}

/* Connects, and talks. */
static int try(struct af_loop *loop, struct af_tls *tls, char *argv[])
{
	struct af_future *connect;
	struct af_file *server;
	int r;

	connect = af_connect_tls(loop, argv[1], argv[2], NULL, tls, &limit);
	r = af_await(connect);
	server = af_future_take_file(connect);
	if (r == 0)
		r = talk(server, argv[5]);
	else
		fprintf(stderr, "%s\n", af_connect_error(connect));
	af_future_unref(connect);
	af_file_close(server);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_tls_options options = { 0 };
	struct af_loop *loop;
	struct af_tls *tls;
	char why[256];
	int r = -1;

	if (argc != 6) {
		fprintf(stderr, "usage: tls_client HOST PORT NAME CA-FILE "
				"TEXT\n");
		return 2;
	}
	options.name = argv[3];
	options.ca_file = argv[4];
	loop = af_loop_new(NULL);
	tls = af_tls_client_new(&options, why, sizeof(why));
	if (tls)
		r = try(loop, tls, argv);
	else
		fprintf(stderr, "%s\n", why);
	/* The server has seen nothing so far. */
	for (int ms = 100; ms < LONGEST_PAUSE_MS && r == -ECONNREFUSED;
	     ms *= 2) {
		const struct timeval pause = { ms / 1000, ms % 1000 * 1000 };
		struct af_future *sleep = af_sleep(loop, &pause);

		af_await(sleep);
		af_future_unref(sleep);
		r = try(loop, tls, argv);
	}
	af_tls_free(tls);
	af_loop_free(loop);
	return r != 0;
}
