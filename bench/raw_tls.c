/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS with a blocking SSL_read().
 */
#include <unistd.h>

#include "tls.h"

double tls_in(size_t n, size_t size)
{
	static char block[BENCH_BLOCK];
	double start = bench_now();
	struct bench_child child;
	SSL *ssl = tls_client();
	size_t got = 0;
	int r;

	(void)size;
	bench_spawn_on_socket(&child, bench_argv("tls", n, 0));
	if (SSL_set_fd(ssl, child.out) != 1 || SSL_connect(ssl) != 1)
		bench_die("SSL_connect");
	while ((r = SSL_read(ssl, block, sizeof(block))) > 0)
		got += (size_t)r;
	if (SSL_get_error(ssl, r) != SSL_ERROR_ZERO_RETURN)
		bench_die("SSL_read");
	bench_expect("bytes", got, n);
	close(child.out);
	bench_reap(&child);
	return bench_now() - start;
}
