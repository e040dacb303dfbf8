/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An evhttp for fuzz targets of what stands behind one: it gets the bytes of a
 * client, by a socket of this machine, and the answer is kept.
 */
#ifndef TESTS_FUZZ_HTTP_H
#define TESTS_FUZZ_HTTP_H

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "fuzz/loop.h"

static struct evhttp *http;
static struct sockaddr_in http_address;
static char http_answer[8192];

static inline void http_log(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

static inline void http_begin(void)
{
	struct evhttp_bound_socket *bound;
	socklen_t len = sizeof(http_address);

	need_loop();
	/* What libevent says of a client is not wanted. */
	event_set_log_callback(http_log);
	http = evhttp_new(base);
	must(http);
	bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	must(bound && getsockname(evhttp_bound_socket_get_fd(bound),
				  (struct sockaddr *)&http_address, &len) == 0);
}

/* The fuzzer's timer may interrupt it. */
static inline void http_connect(int fd)
{
	const struct sockaddr *address = (struct sockaddr *)&http_address;
	int r;

	do
		r = connect(fd, address, sizeof(http_address));
	while (r < 0 && (errno == EINTR || errno == EALREADY));
	must(r == 0 || errno == EISCONN);
}

/* Sends it in pieces, and gives the server some turns. */
static inline void http_ask(const uint8_t *data, size_t size, size_t piece)
{
	/* No port of a connection that was closed waits for anything. */
	const struct linger linger = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t len = 0;
	ssize_t n;

	must(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	http_connect(fd);
	for (size_t i = 0; i < size; i += piece) {
		n = (ssize_t)(size - i < piece ? size - i : piece);
		if (send(fd, data + i, (size_t)n, 0) < 0)
			break;
		turn();
	}
	for (int i = 0; i < 4; i++) {
		turn();
		n = recv(fd, http_answer + len, sizeof(http_answer) - 1 - len,
			 MSG_DONTWAIT);
		len += n > 0 ? (size_t)n : 0;
	}
	http_answer[len] = '\0';
	close(fd);
	turn();
	turn();
}

#endif
