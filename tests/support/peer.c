/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's side of tests/peers.sh, over TCP on loopback:
 *
 *   echo            listens, says "port N", and sends one peer back what it
 *                   sends, until that says that it is done
 *   send PORT       connects, sends stdin, says that it is done, and prints the
 *                   answer
 *   tls-echo COUNT  as echo, over TLS, so many bytes
 *   has-tls         nothing
 *
 * Exit status 0, or 1 with a message.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/util.h>

#include <asyncfile.h>

#include "support/system.h"

#ifdef WITH_TLS
#include "support/layers.h"
#endif

static _Noreturn void die(const char *what, int error)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(abs(error)));
	exit(1);
}

static void await_end(const char *what, struct af_future *f)
{
	int r = af_await(f);

	if (r < 0)
		die(what, r);
	af_future_unref(f);
}

static int make_socket(struct sockaddr_in *address, int port)
{
	int fd = cloexec_socket(AF_INET, SOCK_STREAM);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0)
		die("socket", errno);
	return fd;
}

static int accept_one(void)
{
	struct sockaddr_in address;
	socklen_t len = sizeof address;
	int listener = make_socket(&address, 0), fd;

	if (bind(listener, (struct sockaddr *)&address, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		die("listening", errno);
	printf("port %d\n", ntohs(address.sin_port));
	fflush(stdout);
	fd = cloexec_accept(listener);
	if (fd < 0)
		die("accept", errno);
	close(listener);
	return fd;
}

/* Copies back what comes: so many bytes; negative: to the end. */
static void echo(struct af_file *file, off_t count)
{
	await_end("echoing", af_file_copy(file, file, count, NULL));
}

static void echo_plain(struct af_loop *loop)
{
	struct af_file *file = af_file_new(loop, accept_one(), 0);

	if (!file)
		die("a file", errno);
	echo(file, -1);
	af_file_close(file);
}

#ifdef WITH_TLS
static void echo_tls(struct af_loop *loop, off_t count)
{
	int fd = accept_one();
	struct bufferevent *bev;
	struct af_file *file;

	evutil_make_socket_nonblocking(fd);
	bev = layer_tls_server(af_loop_base(loop), fd);
	file = af_file_from_bufferevent(loop, bev, 0);
	if (!file)
		die("a file", errno);
	echo(file, count);
	layer_tls_shutdown();
	af_file_close(file);
}
#endif

static void send_stdin(struct af_loop *loop, int port)
{
	struct sockaddr_in address;
	int fd = make_socket(&address, port);
	struct af_file *in, *out, *file;
	struct af_future *sent, *answer;

	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		die("connect", errno);
	in = af_file_new(loop, 0, AFIO_KEEP_FD);
	out = af_file_new(loop, 1, AFIO_KEEP_FD);
	file = af_file_new(loop, fd, 0);
	if (!in || !out || !file)
		die("a file", errno);
	answer = af_file_copy(file, out, -1, NULL);
	sent = af_file_copy(in, file, -1, NULL);
	await_end("sending", sent);
	shutdown(fd, SHUT_WR);
	await_end("the answer", answer);
	af_file_close(file);
	af_file_close(out);
	af_file_close(in);
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	const char *mode = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	if (!loop)
		die("a loop", errno);
	if (strcmp(mode, "echo") == 0)
		echo_plain(loop);
	else if (strcmp(mode, "send") == 0 && argc == 3)
		send_stdin(loop, atoi(argv[2]));
#ifdef WITH_TLS
	else if (strcmp(mode, "tls-echo") == 0 && argc == 3)
		echo_tls(loop, atoi(argv[2]));
	else if (strcmp(mode, "has-tls") == 0)
		;
#endif
	else
		die(mode, ENOSYS);
	af_loop_run(loop);
	af_loop_free(loop);
	return 0;
}
