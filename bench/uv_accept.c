/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections, each with a byte in reply, by uv_listen() and uv_accept().
 */
#include <stdlib.h>

#include "libuv.h"

struct connection {
	uv_tcp_t tcp;
	uv_write_t write;
};

static uv_tcp_t server;
static size_t to_close;

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
	if (--to_close == 0)
		uv_close((uv_handle_t *)&server, NULL);
}

static void on_written(uv_write_t *write, int r)
{
	check(r, "uv_write");
	uv_close((uv_handle_t *)write->handle, on_closed);
}

static void on_connection(uv_stream_t *listener, int r)
{
	struct connection *connection = malloc(sizeof(*connection));
	uv_buf_t byte = uv_buf_init((char *)"", 1);
	uv_stream_t *stream = (uv_stream_t *)&connection->tcp;

	check(r, "uv_listen");
	if (!connection)
		bench_die("malloc");
	uv_tcp_init(loop, &connection->tcp);
	connection->tcp.data = connection;
	check(uv_accept(listener, stream), "uv_accept");
	check(uv_write(&connection->write, stream, &byte, 1, on_written),
	      "uv_write");
}

double accept_all(size_t n, size_t size)
{
	struct bench_child child;
	int fd = bench_listen(n, &child);
	double start = bench_now();

	(void)size;
	loop = uv_default_loop();
	to_close = n;
	bench_nonblock(fd);
	uv_tcp_init(loop, &server);
	check(uv_tcp_open(&server, fd), "uv_tcp_open");
	check(uv_listen((uv_stream_t *)&server, 4096, on_connection),
	      "uv_listen");
	uv_run(loop, UV_RUN_DEFAULT);
	bench_connected(&child, n - to_close, n);
	return bench_now() - start;
}
