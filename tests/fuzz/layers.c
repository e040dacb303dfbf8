/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hostile peer sends to a layer on a socket, and to a filter on a
 * bufferevent: the file reads what the layer or filter makes of it, and its
 * errors, however the bytes arrive.
 */
#include <errno.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <zlib.h>

#include "fuzz/loop.h"
#include "support/framed.h"

#define LARGEST 65536

static uint8_t expected[LARGEST], got[LARGEST];
static size_t n_expected, n_got;
static int end; /* how reading ends: 0 is the end of file */

/* A filter cannot move to the base of an af_await(). */
static int turn_until_done(struct af_future *f)
{
	for (int i = 0; !af_future_is_done(f); i++) {
		must(i < 100000);
		turn();
	}
	return af_future_error(f);
}

/* Reads until there is nothing more. Returns the error; 0: the end of file. */
static int read_all(struct af_file *file, struct input *sizes)
{
	for (;;) {
		size_t size = 1 + take_byte(sizes), len = 0;
		struct af_future *f = af_file_read(file, size, 0, NULL);
		int r = turn_until_done(f);
		const char *data = af_future_data(f, &len);

		if (r == 0) {
			must(len <= size && len <= LARGEST - n_got);
			memcpy(got + n_got, data, len);
			n_got += len;
		}
		af_future_unref(f);
		if (r < 0 || len == 0)
			return r;
	}
}

/* Frames of two bytes of length, and bytes that are changed. */
static void decode_frames(const uint8_t *data, size_t len)
{
	size_t left = 0;

	n_expected = 0;
	end = -ECONNRESET;
	for (size_t i = 0; i < len; i++) {
		if (left > 0) {
			expected[n_expected++] = data[i] ^ 0x55;
			left--;
		} else if (i + 1 < len) {
			left = data[i] * 256u + data[i + 1];
			i++;
			if (left == 0) {
				end = 0;
				return;
			}
		}
	}
}

static void read_layer(struct input *in)
{
	/* So many that all of them fit into the socket. */
	size_t piece = 32 + take_byte(in), size;
	struct input sizes;
	const uint8_t *data;
	struct af_file *file;
	int fds[2], releases = 0;

	sizes.data = take_bytes(in, 4, &sizes.left);
	data = take_bytes(in, 4096, &size);
	decode_frames(data, size);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	file = af_file_new(loop, fds[0], 0);
	must(file);
	/* Some come before the layer, into the file's own buffer. */
	if (piece & 1 && size > 0) {
		struct af_future *f;

		must(send(fds[1], data, 1, 0) == 1);
		f = af_file_peek(file, 1, NULL);
		must(await_soon(f) == 0);
		af_future_unref(f);
		data++;
		size--;
	}
	framed_on(file, &releases);
	for (size_t i = 0; i < size; i += piece)
		must(send(fds[1], data + i, size - i < piece ? size - i : piece,
			  0) > 0);
	close(fds[1]);
	must(read_all(file, &sizes) == end);
	must(n_got == n_expected && memcmp(got, expected, n_got) == 0);
	must(af_file_close(file) == 0 && releases == 1);
}

struct inflater {
	z_stream z;
	struct bufferevent *filter;
	bool over;
};

/* Takes bytes; returns what inflate() has said last. */
static int inflate_bytes(z_stream *z, struct evbuffer *to, const uint8_t *data,
			 size_t len)
{
	uint8_t buf[1024];
	int r = Z_OK;

	z->next_in = (Bytef *)data;
	z->avail_in = (uInt)len;
	do {
		z->next_out = buf;
		z->avail_out = sizeof(buf);
		r = inflate(z, Z_SYNC_FLUSH);
		evbuffer_add(to, buf, sizeof(buf) - z->avail_out);
	} while (r == Z_OK && (z->avail_in > 0 || z->avail_out == 0));
	return r == Z_BUF_ERROR ? Z_OK : r;
}

static enum bufferevent_filter_result
inflate_input(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
	      enum bufferevent_flush_mode mode, void *arg)
{
	struct inflater *inflater = arg;
	size_t len = evbuffer_get_length(from);
	int r = Z_OK;

	(void)limit;
	(void)mode;
	if (!inflater->over && len > 0)
		r = inflate_bytes(&inflater->z, to, evbuffer_pullup(from, -1),
				  len);
	evbuffer_drain(from, len);
	if (r == Z_OK)
		return BEV_OK;
	inflater->over = true;
	bufferevent_trigger_event(
		inflater->filter,
		BEV_EVENT_READING |
			(r == Z_STREAM_END ? BEV_EVENT_EOF : BEV_EVENT_ERROR),
		BEV_OPT_DEFER_CALLBACKS);
	return r == Z_STREAM_END ? BEV_OK : BEV_ERROR;
}

/* What there is in it; false: too much. */
static bool inflate_whole(const uint8_t *data, size_t len)
{
	struct evbuffer *to = evbuffer_new();
	z_stream z = { .next_in = NULL };

	must(inflateInit(&z) == Z_OK);
	inflate_bytes(&z, to, data, len);
	inflateEnd(&z);
	n_expected = evbuffer_get_length(to);
	if (n_expected <= LARGEST)
		evbuffer_remove(to, expected, LARGEST);
	evbuffer_free(to);
	return n_expected <= LARGEST;
}

static void read_filter(struct input *in)
{
	size_t piece = 1 + take_byte(in), size;
	struct inflater inflater = { .over = false };
	struct bufferevent *pair[2];
	struct input sizes;
	struct af_file *file;
	const uint8_t *data;

	sizes.data = take_bytes(in, 4, &sizes.left);
	data = take_bytes(in, 4096, &size);
	if (!inflate_whole(data, size))
		return;
	must(inflateInit(&inflater.z) == Z_OK);
	must(bufferevent_pair_new(base, 0, pair) == 0);
	inflater.filter =
		bufferevent_filter_new(pair[0], inflate_input, NULL,
				       BEV_OPT_CLOSE_ON_FREE, NULL, &inflater);
	file = af_file_from_bufferevent(loop, inflater.filter, 0);
	must(file);
	bufferevent_enable(pair[1], EV_READ | EV_WRITE);
	for (size_t i = 0; i < size; i += piece)
		bufferevent_write(pair[1], data + i,
				  size - i < piece ? size - i : piece);
	bufferevent_flush(pair[1], EV_WRITE, BEV_FINISHED);
	read_all(file, &sizes);
	must(n_got <= n_expected && memcmp(got, expected, n_got) == 0);
	must(af_file_close(file) == 0);
	turn();
	bufferevent_free(pair[1]);
	turn();
	inflateEnd(&inflater.z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	int lowest;

	need_loop();
	lowest = lowest_fd();
	n_got = 0;
	if (take_bool(&in))
		read_filter(&in);
	else
		read_layer(&in);
	turn();
	must(lowest_fd() == lowest);
	return 0;
}
