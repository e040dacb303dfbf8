/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libuv without streams: posts from another thread, and a file that is not in
 * the page cache.
 */
#include <unistd.h>

#include "libuv.h"

/* As in libuv's manual: a queue of the program's own, and a handle. */
static uv_async_t async;

static void on_async(uv_async_t *handle)
{
	(void)handle;
	if (bench_queue_run())
		uv_stop(loop);
}

static void post_one(void)
{
	bench_queue_put();
	uv_async_send(&async);
}

static void run_posts(void)
{
	uv_run(loop, UV_RUN_DEFAULT);
}

double post_time(size_t n, size_t cores)
{
	loop = uv_default_loop();
	check(uv_async_init(loop, &async, on_async), "uv_async_init");
	return bench_post(n, cores, post_one, run_posts).seconds;
}

double post_wakes(size_t n, size_t cores)
{
	loop = uv_default_loop();
	check(uv_async_init(loop, &async, on_async), "uv_async_init");
	return (double)bench_post(n, cores, post_one, run_posts).wakes;
}

/* Blocks are read by the thread pool, one after the other. */
static uv_fs_t request;
static char block[BENCH_BLOCK];
static size_t got;

static void on_block(uv_fs_t *read);

static void read_block(int fd)
{
	uv_buf_t buf = uv_buf_init(block, sizeof(block));

	check(uv_fs_read(loop, &request, fd, &buf, 1, -1, on_block),
	      "uv_fs_read");
}

static void on_block(uv_fs_t *read)
{
	size_t len = (size_t)read->result;

	check((int)read->result, "uv_fs_read");
	uv_fs_req_cleanup(read);
	got += len;
	if (len > 0)
		read_block(*(int *)read->data);
}

double file_read(size_t n, size_t size)
{
	int fd = bench_cold_file(n);
	double start = bench_now();

	(void)size;
	loop = uv_default_loop();
	request.data = &fd;
	read_block(fd);
	uv_run(loop, UV_RUN_DEFAULT);
	bench_expect("bytes", got, n);
	return bench_now() - start;
}

static void on_copied(uv_fs_t *copy)
{
	check((int)copy->result, "uv_fs_copyfile");
	uv_fs_req_cleanup(copy);
}

double file_copy(size_t n, size_t size)
{
	double start, took;

	(void)size;
	close(bench_cold_file(n));
	start = bench_now();
	loop = uv_default_loop();
	check(uv_fs_copyfile(loop, &request, bench_file_path, bench_copy_path,
			     0, on_copied),
	      "uv_fs_copyfile");
	uv_run(loop, UV_RUN_DEFAULT);
	took = bench_now() - start;
	bench_copied(n);
	return took;
}
