/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream. Nothing blocks: the disk is read and written by the library's
 * threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>

#include <asyncfile.h>

#include "message.h"
#include "stream.h"

#define MAX_HEAD ((size_t)1024 * 1024)

/* Keeping */

/* A file without a name. NULL after a complaint. */
static struct af_file *open_temporary(struct af_loop *loop)
{
	const char *directory = getenv("TMPDIR");
	struct af_file *file = NULL;
	char *path;
	int fd;

	if (asprintf(&path, "%s/fanout-XXXXXX",
		     directory ? directory : P_tmpdir) < 0)
		return NULL;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0) {
		unlink(path);
		file = af_file_new(loop, fd, 0);
	}
	if (!file) {
		message_error(path, errno);
		if (fd >= 0)
			close(fd);
	}
	free(path);
	return file;
}

static struct af_future *copy_rest(struct stream *stream)
{
	if (!stream->rest)
		stream->rest = open_temporary(stream->loop);
	return af_file_copy(stream->from, stream->rest, -1, NULL);
}

static struct af_future *head_over(struct af_future *head, void *arg)
{
	return af_future_flags(head) & AFIO_EOF ? NULL : copy_rest(arg);
}

struct af_future *stream_keep(struct stream *stream)
{
	if (stream->rest)
		return copy_rest(stream);
	stream->head = af_file_read(stream->from, MAX_HEAD, AFIO_FULL, NULL);
	return af_then(af_future_ref(stream->head), head_over, stream);
}

static struct af_future *go_without(struct af_future *failed, void *arg)
{
	(void)failed;
	return af_succeeded(((struct stream *)arg)->loop, NULL, NULL);
}

/* A cancelled read has left its bytes in the file, so no output is lost. */
struct af_future *stream_keep_rest(struct stream *stream)
{
	return af_catch(copy_rest(stream), go_without, stream);
}

uint64_t stream_size(const struct stream *stream)
{
	int64_t rest = stream->rest ? af_file_size(stream->rest) : 0;

	return stream_in_memory(stream) + (uint64_t)(rest > 0 ? rest : 0);
}

size_t stream_in_memory(const struct stream *stream)
{
	size_t len = 0;

	return af_future_data(stream->head, &len) ? len : 0;
}

/* Printing */

/* The copy runs after the write, as they are queued in this order. */
static struct af_future *print_plain(struct stream *stream)
{
	struct af_future *parts[2];
	const char *data;
	size_t len = 0, n = 0;

	data = af_future_data(stream->head, &len);
	if (len > 0)
		parts[n++] = af_file_write(stream->to, data, len,
					   AFIO_FULL | AFIO_BORROW, NULL);
	if (stream->rest)
		parts[n++] = af_file_copy(stream->rest, stream->to, -1, NULL);
	return af_all(stream->loop, parts, n);
}

static struct af_future *print_chunk(const char *data, size_t len,
				     unsigned flags, void *arg)
{
	struct stream *stream = arg;

	(void)flags;
	filter_add(&stream->filter, data, len, stream->filtered);
	return af_file_write_buffer(stream->to, stream->filtered, AFIO_FULL,
				    NULL);
}

static struct af_future *print_end(struct af_future *printed, void *arg)
{
	struct stream *stream = arg;

	(void)printed;
	filter_end(&stream->filter, stream->filtered);
	return af_file_write_buffer(stream->to, stream->filtered, AFIO_FULL,
				    NULL);
}

static struct af_future *print_rest(struct af_future *printed, void *arg)
{
	struct stream *stream = arg;

	(void)printed;
	if (!stream->rest)
		return NULL;
	return af_file_each_async(stream->rest, AFIO_EACH_CHUNK, print_chunk,
				  stream);
}

static struct af_future *print_filtered(struct stream *stream)
{
	size_t len = 0;
	const char *data = af_future_data(stream->head, &len);
	struct af_future *f;

	stream->filtered = evbuffer_new();
	if (!stream->filtered)
		return af_failed(stream->loop, -ENOMEM);
	f = print_chunk(data, data ? len : 0, 0, stream);
	return af_then(af_then(f, print_rest, stream), print_end, stream);
}

struct af_future *stream_print(struct stream *stream, struct af_file *to,
			       const struct filter *filter)
{
	stream->to = to;
	stream->filter = *filter;
	if (stream->rest)
		af_file_seek(stream->rest, 0, SEEK_SET);
	if (filter_is_plain(filter))
		return print_plain(stream);
	if (stream_in_memory(stream) == 0 && !stream->rest)
		return af_succeeded(stream->loop, NULL, NULL);
	return print_filtered(stream);
}

void stream_clear(struct stream *stream)
{
	af_future_unref(stream->head);
	af_file_close(stream->rest);
	if (stream->filtered)
		evbuffer_free(stream->filtered);
}
