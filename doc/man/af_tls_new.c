/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: af_tls_new CERTIFICATE
 *
 * A server and its client, both here. The certificate, with its key, is that of
 * the host localhost, and an authority for itself.
 */

#include <asyncfile.h>
#include <asyncfile/tls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct af_future *greet(struct af_future *accepted, void *arg)
{
	struct af_file **peer = arg;

	*peer = af_future_take_file(accepted);
	return af_file_write(*peer, "welcome\n", 8, AFIO_FULL, NULL);
}

static int talk(struct af_loop *loop, int fds[2], struct af_tls *server,
		struct af_tls *client)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct af_file *peer = NULL, *file;
	struct af_future *greeted, *connected, *line;
	int r;

	greeted = af_then(
		af_accept_tls(af_file_new(loop, fds[0], 0), server, &limit),
		greet, &peer);
	connected = af_start_tls(af_file_new(loop, fds[1], 0), "localhost",
				 client, &limit);
	r = af_await(connected);
	if (r < 0)
		fprintf(stderr, "%s\n", af_connect_error(connected));
	file = af_future_take_file(connected);
	line = af_file_readline(file, 0, 0, 0, &limit);
	if (r == 0)
		r = af_await(line);
	if (r == 0)
		printf("the server says: %s", af_future_data(line, NULL));
	af_future_unref(line);
	af_future_unref(connected);
	af_future_cancel(greeted);
	af_future_unref(greeted);
	af_file_close(file);
	af_file_close(peer);
	return r;
}

int main(int argc, char **argv)
{
	struct af_tls_options options = { 0 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_tls *server, *client;
	char why[256] = "usage: af_tls_new CERTIFICATE";
	int fds[2], r = -1;

	options.cert_file = argc == 2 ? argv[1] : NULL;
	server = af_tls_server_new(&options, why, sizeof(why));
	options.ca_file = options.cert_file;
	options.cert_file = NULL;
	client = server ? af_tls_client_new(&options, why, sizeof(why)) : NULL;
	if (!loop || !client)
		fprintf(stderr, "%s\n", why);
	else if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0)
		r = talk(loop, fds, server, client);
	af_tls_free(client);
	af_tls_free(server);
	af_loop_free(loop);
	return r != 0;
}
