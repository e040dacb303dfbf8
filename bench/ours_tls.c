/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS by a bufferevent of libevent, read in chunks.
 */
#include <event2/bufferevent_ssl.h>

#include "ours.h"
#include "tls.h"

static int on_chunk(const char *data, size_t len, unsigned flags, void *got)
{
	(void)data;
	(void)flags;
	*(size_t *)got += len;
	return 0;
}

double tls_in(size_t n, size_t size)
{
	double start = bench_now();
	struct bench_child child;
	struct af_future *f;
	struct af_file *file;
	size_t got = 0;

	(void)size;
	loop = af_loop_new(NULL);
	bench_spawn_on_socket(&child, bench_argv("tls", n, 0));
	bench_nonblock(child.out);
	file = af_file_from_bufferevent(
		loop,
		bufferevent_openssl_socket_new(
			af_loop_base(loop), child.out, tls_client(),
			BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE),
		0);
	f = af_file_each_chunk(file, on_chunk, &got);
	check(af_await(f), "read");
	af_future_unref(f);
	bench_expect("bytes", got, n);
	af_file_close(file);
	bench_reap(&child);
	return bench_now() - start;
}
