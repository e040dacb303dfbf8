/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file that is not in the page cache: read in chunks, and copied.
 */
#include "ours.h"

static int on_chunk(const char *data, size_t len, unsigned flags, void *got)
{
	(void)data;
	(void)flags;
	*(size_t *)got += len;
	return 0;
}

static void wait_for(struct af_future *f, const char *what)
{
	check(af_await(f), what);
	af_future_unref(f);
}

double file_read(size_t n, size_t size)
{
	int fd = bench_cold_file(n);
	double start = bench_now();
	struct af_file *file;
	size_t got = 0;

	(void)size;
	loop = af_loop_new(NULL);
	file = af_file_new(loop, fd, 0);
	wait_for(af_file_each_chunk(file, on_chunk, &got), "read");
	bench_expect("bytes", got, n);
	af_file_close(file);
	return bench_now() - start;
}

double file_copy(size_t n, size_t size)
{
	int fd = bench_cold_file(n);
	double start = bench_now(), took;
	struct af_file *from, *to;

	(void)size;
	loop = af_loop_new(NULL);
	from = af_file_new(loop, fd, 0);
	to = af_file_open(loop, bench_copy_path, "w");
	wait_for(af_file_copy(from, to, -1, NULL), "copy");
	af_file_close(from);
	af_file_close(to);
	took = bench_now() - start;
	bench_copied(n);
	return took;
}
