/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies stdin to stdout at a limited rate: doc/tutorial.md explains it. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

#define BYTES_PER_SECOND 65536

struct limit {
	struct af_loop *loop;
	struct af_file *out;
};

/* Waits for as long as these bytes may take. */
static struct af_future *on_written(struct af_future *written, void *arg)
{
	const struct limit *limit = arg;
	size_t n = af_future_count(written);
	const struct timeval pause = {
		.tv_sec = (time_t)(n / BYTES_PER_SECOND),
		.tv_usec = n % BYTES_PER_SECOND * 1000000 / BYTES_PER_SECOND,
	};

	return af_sleep(limit->loop, &pause);
}

static struct af_future *on_chunk(const char *data, size_t len, unsigned flags,
				  void *arg)
{
	struct limit *limit = arg;

	(void)flags;
	return af_then(af_file_write(limit->out, data, len, AFIO_FULL, NULL),
		       on_written, limit);
}

int main(void)
{
	struct limit limit = { .loop = af_loop_new(NULL) };
	struct af_file *in = af_file_new(limit.loop, 0, AFIO_KEEP_FD);
	struct af_future *all;
	int r;

	limit.out = af_file_new(limit.loop, 1, AFIO_KEEP_FD);
	all = af_file_each_async(in, AFIO_EACH_CHUNK, on_chunk, &limit);
	r = af_await(all);
	if (r < 0)
		fprintf(stderr, "limit: %s\n", strerror(-r));
	af_future_unref(all);
	af_file_close(limit.out);
	af_file_close(in);
	af_loop_free(limit.loop);
	return r != 0;
}
