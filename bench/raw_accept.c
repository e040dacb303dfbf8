/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections, each with a byte in reply, by blocking accept(2).
 */
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

double accept_all(size_t n, size_t size)
{
	struct bench_child child;
	int listener = bench_listen(n, &child);
	double start = bench_now();

	(void)size;
	for (size_t i = 0; i < n; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 || write(fd, "", 1) != 1)
			bench_die("accept4");
		close(fd);
	}
	bench_connected(&child, n, n);
	return bench_now() - start;
}
