/* SPDX-License-Identifier: BSD-3-Clause */
/* Compresses stdin to stdout in gzip format: doc/tutorial.md explains it. */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

struct filter {
	z_stream zlib;
	struct af_file *out;
	struct evbuffer *compressed;
};

/* Passes bytes to zlib, and writes what zlib has ready. */
static struct af_future *filter(struct filter *f, const char *data, size_t len,
				int flush)
{
	unsigned char block[16384];

	f->zlib.next_in = (unsigned char *)data;
	f->zlib.avail_in = (uInt)len;
	do {
		f->zlib.next_out = block;
		f->zlib.avail_out = sizeof(block);
		deflate(&f->zlib, flush);
		evbuffer_add(f->compressed, block,
			     sizeof(block) - f->zlib.avail_out);
	} while (f->zlib.avail_out == 0);
	return af_file_write_buffer(f->out, f->compressed, AFIO_FULL, NULL);
}

static struct af_future *on_chunk(const char *data, size_t len, unsigned flags,
				  void *arg)
{
	(void)flags;
	return filter(arg, data, len, Z_NO_FLUSH);
}

static struct af_future *on_end(struct af_future *all, void *arg)
{
	(void)all;
	return filter(arg, "", 0, Z_FINISH);
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *in = af_file_new(loop, 0, AFIO_KEEP_FD);
	struct filter f = { .out = af_file_new(loop, 1, AFIO_KEEP_FD),
			    .compressed = evbuffer_new() };
	struct af_future *all;
	int r;

	deflateInit2(&f.zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
		     Z_DEFAULT_STRATEGY);
	all = af_then(af_file_each_async(in, AFIO_EACH_CHUNK, on_chunk, &f),
		      on_end, &f);
	r = af_await(all);
	if (r < 0)
		fprintf(stderr, "compress: %s\n", strerror(-r));
	af_future_unref(all);
	deflateEnd(&f.zlib);
	evbuffer_free(f.compressed);
	af_file_close(f.out);
	af_file_close(in);
	af_loop_free(loop);
	return r != 0;
}
