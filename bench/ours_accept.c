/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections, each with a byte in reply, by af_listener_each().
 */
#include "ours.h"

static size_t to_close;

static int on_connection(struct af_file *file, void *arg)
{
	struct af_future *f = af_file_write(file, "", 1, 0, NULL);

	(void)arg;
	/* One byte always fits: the write is done. */
	check(af_future_error(f), "write");
	af_future_unref(f);
	af_file_close(file);
	return --to_close == 0;
}

double accept_all(size_t n, size_t size)
{
	struct bench_child child;
	struct af_listener *listener;
	struct af_future *f;
	int fd = bench_listen(n, &child);
	double start = bench_now();

	(void)size;
	loop = af_loop_new(NULL);
	to_close = n;
	listener = af_listener_new(loop, &fd, 1, NULL);
	f = af_listener_each(listener, on_connection, NULL);
	check(af_await(f), "accept");
	af_future_unref(f);
	af_listener_close(listener);
	bench_connected(&child, n - to_close, n);
	return bench_now() - start;
}
