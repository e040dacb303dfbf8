/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks an HTTPS server for a page, and prints the head of the answer. */

#include <asyncfile.h>
#include <asyncfile/tls.h>
#include <stdio.h>
#include <string.h>

static const struct timeval limit = { .tv_sec = 10 };

/* Prints the lines of the answer, up to an empty one. */
static int ask(struct af_file *server, const char *host)
{
	struct af_future *line, *write;
	char request[512];
	size_t len;
	int r;

	snprintf(request, sizeof(request), "GET / HTTP/1.0\r\nHost: %s\r\n\r\n",
		 host);
	write = af_file_write(server, request, strlen(request), AFIO_FULL,
			      &limit);
	line = af_file_readline(server, 0, 0, 0, &limit);
	while ((r = af_await(line)) == 0) {
		printf("%s", af_future_data(line, &len));
		if (len <= 2) /* "\r\n", or the end */
			break;
		af_future_unref(line);
		line = af_file_readline(server, 0, 0, 0, &limit);
	}
	af_future_unref(line);
	af_future_unref(write);
	return r;
}

/* Says goodbye, and closes the connection. */
static int finish(struct af_file *server)
{
	struct af_future *finished = af_file_finish(server, &limit);
	int r = af_await(finished);

	af_future_unref(finished);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_tls_options options = { 0 };
	struct af_loop *loop;
	struct af_future *connect;
	struct af_file *server;
	struct af_tls *client;
	char why[256];
	int r;

	if (argc < 3) {
		fprintf(stderr, "usage: tls HOST PORT [CA-FILE]\n");
		return 2;
	}
	options.ca_file = argv[3]; /* or NULL */
	client = af_tls_client_new(&options, why, sizeof(why));
	if (!client) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	loop = af_loop_new(NULL);
	connect = af_connect_tls(loop, argv[1], argv[2], NULL, client, &limit);
	r = af_await(connect);
	server = af_future_take_file(connect);
	if (r < 0)
		fprintf(stderr, "%s\n", af_connect_error(connect));
	else if ((r = ask(server, argv[1])) < 0 || (r = finish(server)) < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	af_future_unref(connect);
	af_file_close(server);
	af_tls_free(client);
	af_loop_free(loop);
	return r != 0;
}
