/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file that is not in the page cache, with blocking read(2) and write(2).
 */
#include <fcntl.h>
#include <unistd.h>

#include "bench.h"

static char block[BENCH_BLOCK];

/* Reads to the end, and writes to another file unless it is -1. */
static void transfer(int from, int to, size_t n)
{
	size_t got = 0;
	ssize_t r;

	while ((r = read(from, block, sizeof(block))) > 0) {
		if (to >= 0 && write(to, block, (size_t)r) != r)
			bench_die("write");
		got += (size_t)r;
	}
	bench_expect("bytes", got, n);
}

double file_read(size_t n, size_t size)
{
	int from = bench_cold_file(n);
	double start = bench_now();

	(void)size;
	transfer(from, -1, n);
	return bench_now() - start;
}

double file_copy(size_t n, size_t size)
{
	int from = bench_cold_file(n), to;
	double start = bench_now(), took;

	(void)size;
	to = open(bench_copy_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		  0666);
	if (to < 0)
		bench_die(bench_copy_path);
	transfer(from, to, n);
	close(to);
	took = bench_now() - start;
	bench_copied(n);
	return took;
}
