/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: af_connect_tls HOST PORT AUTHORITIES
 *
 * Sends a line to a server, and prints its answer.
 */

#include <asyncfile.h>
#include <asyncfile/tls.h>
#include <stdio.h>
#include <string.h>

static int ask(struct af_file *server)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct af_future *line;
	int r;

	af_future_unref(af_file_write(server, "hello\n", 6, AFIO_FULL, NULL));
	line = af_file_readline(server, 0, 0, 0, &limit);
	r = af_await(line);
	printf("%s", r == 0 ? af_future_data(line, NULL) : strerror(-r));
	af_future_unref(line);
	/* Says goodbye, so that the server knows that this was all. */
	line = af_file_finish(server, &limit);
	r = af_await(line);
	af_future_unref(line);
	af_file_close(server);
	return r;
}

int main(int argc, char **argv)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct af_tls_options options = { 0 };
	struct af_loop *loop = af_loop_new(NULL);
	char why[256] = "usage: af_connect_tls HOST PORT AUTHORITIES";
	struct af_tls *client = NULL;
	struct af_future *connected;
	int r = -1;

	options.ca_file = argc == 4 ? argv[3] : NULL;
	if (argc == 4)
		client = af_tls_client_new(&options, why, sizeof(why));
	if (!client) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	connected =
		af_connect_tls(loop, argv[1], argv[2], NULL, client, &limit);
	if (af_await(connected) == 0)
		r = ask(af_future_take_file(connected));
	else
		fprintf(stderr, "%s\n", af_connect_error(connected));
	af_future_unref(connected);
	af_tls_free(client);
	af_loop_free(loop);
	return r != 0;
}
