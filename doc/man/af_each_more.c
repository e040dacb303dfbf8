/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers lines, and reads no faster than it can write. */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sink {
	struct af_file *out;
	struct evbuffer *text;
	int lines;
};

static struct af_future *put(const char *s, size_t n, unsigned flags,
			     void *where)
{
	struct sink *sink = where;
	struct evbuffer *b = sink->text;

	(void)flags;
	evbuffer_add_printf(b, "%d ", ++sink->lines);
	evbuffer_add(b, s, n);
	return af_file_write_buffer(sink->out, b, AFIO_FULL, NULL);
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct sink sink = { .text = evbuffer_new() };
	struct af_future *each;
	struct af_file *in;
	int r;

	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	sink.out = af_file_new(loop, STDOUT_FILENO, AFIO_KEEP_FD);
	each = af_file_each_async(in, AFIO_EACH_LINE, put, &sink);
	r = af_await(each);
	if (r < 0)
		fprintf(stderr, "cannot copy: %s\n", strerror(-r));
	af_future_unref(each);
	af_file_close(sink.out);
	af_file_close(in);
	evbuffer_free(sink.text);
	af_loop_free(loop);
	return r != 0;
}
