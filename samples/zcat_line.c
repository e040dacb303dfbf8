/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zcat_line: prints the lines of a gzip or zlib stream. It shows a file over a
 * libevent filter: the filter inflates, and the file reads lines from it. A
 * pair of bufferevents feeds the filter, so the input may be any kind of file:
 *
 *   input --af_file_copy--> pair[0] = pair[1] <- filter <- lines
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <zlib.h>

#include <asyncfile.h>

#include "common.h"

char program_name[] = "zcat_line";

/* How many bytes to inflate at a time: they may become 1000 times as many. */
#define PIECE 512
#define HIGH_WATERMARK 65536

struct inflater {
	struct bufferevent *bev;
	z_stream stream;
	bool in_member; /* inside one of the members of a gzip stream */
	bool failed;
	struct af_file *feed; /* the end of the pair that gets the input */
};

/* Inflates a whole piece and appends it to dst. Z_OK, or a zlib error. */
static int inflate_piece(struct inflater *inflater, struct evbuffer *dst)
{
	z_stream *stream = &inflater->stream;
	unsigned char out[16384];
	int r;

	do {
		if (!inflater->in_member)
			inflateReset(stream);
		inflater->in_member = true;
		stream->next_out = out;
		stream->avail_out = sizeof out;
		r = inflate(stream, Z_NO_FLUSH);
		evbuffer_add(dst, out, sizeof out - stream->avail_out);
		if (r == Z_STREAM_END)
			inflater->in_member = false;
		else if (r < 0 && r != Z_BUF_ERROR)
			return r;
	} while (stream->avail_in > 0 ||
		 (stream->avail_out == 0 && r != Z_STREAM_END));
	return Z_OK;
}

/* libevent does not report a filter's BEV_ERROR, so the filter does. */
static enum bufferevent_filter_result fail(struct inflater *inflater, int error)
{
	inflater->failed = true;
	errno = error;
	bufferevent_trigger_event(inflater->bev,
				  BEV_EVENT_READING | BEV_EVENT_ERROR,
				  BEV_TRIG_DEFER_CALLBACKS);
	return BEV_ERROR;
}

static enum bufferevent_filter_result
inflate_some(struct evbuffer *src, struct evbuffer *dst, ev_ssize_t limit,
	     enum bufferevent_flush_mode mode, void *arg)
{
	struct inflater *inflater = arg;
	size_t len = evbuffer_get_length(src), before;

	(void)limit;
	(void)mode;
	if (inflater->failed)
		return BEV_ERROR;
	if (len == 0)
		return BEV_NEED_MORE;
	before = evbuffer_get_length(dst);
	len = len < PIECE ? len : PIECE;
	inflater->stream.next_in = evbuffer_pullup(src, (ev_ssize_t)len);
	inflater->stream.avail_in = (uInt)len;
	if (inflate_piece(inflater, dst) != Z_OK)
		return fail(inflater, EBADMSG);
	evbuffer_drain(src, len);
	/* A piece without output, such as a header, is no reason to stop. */
	return evbuffer_get_length(dst) > before || evbuffer_get_length(src) > 0
		       ? BEV_OK
		       : BEV_NEED_MORE;
}

static int print_line(const char *line, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	return fwrite(line, 1, len, stdout) == len ? 0 : -EIO;
}

/* The copy of the input has ended: closes this end of the pair. */
static void input_done(struct af_future *done, void *arg)
{
	struct inflater *inflater = arg;
	int error = af_future_error(done);

	/* These follow an error of the reader, which reports it. */
	if (error < 0 && error != -ECANCELED && error != -EPIPE)
		complain("reading", error);
	af_file_close(inflater->feed);
	inflater->feed = NULL;
}

/* Makes the filter, and a file over it. NULL after a complaint. */
static struct af_file *open_lines(struct af_loop *loop,
				  struct inflater *inflater,
				  struct bufferevent *below)
{
	struct af_file *lines;

	inflater->bev =
		bufferevent_filter_new(below, inflate_some, NULL,
				       BEV_OPT_CLOSE_ON_FREE, NULL, inflater);
	if (!inflater->bev) {
		bufferevent_free(below);
		complain("a filter", ENOMEM);
		return NULL;
	}
	bufferevent_setwatermark(inflater->bev, EV_READ, 0, HIGH_WATERMARK);
	lines = af_file_from_bufferevent(loop, inflater->bev, 0);
	if (!lines) {
		complain("a filter", errno);
		bufferevent_free(inflater->bev);
	}
	return lines;
}

static int print_lines(struct af_loop *loop, struct inflater *inflater,
		       const char *path)
{
	struct af_file *input = open_input(loop, path), *lines;
	struct bufferevent *pair[2];
	int r = -1;

	if (!input)
		return -1;
	if (bufferevent_pair_new(af_loop_base(loop), 0, pair) < 0) {
		complain("a pair", ENOMEM);
		goto finish;
	}
	lines = open_lines(loop, inflater, pair[1]);
	inflater->feed = af_file_from_bufferevent(loop, pair[0], 0);
	if (lines && inflater->feed) {
		af_on_done(af_file_copy(input, inflater->feed, -1, NULL),
			   input_done, inflater);
		r = await_once(af_file_each_line(lines, print_line, NULL));
		if (r == 0 && inflater->failed)
			r = -EBADMSG;
		else if (r == 0 && inflater->in_member)
			r = -ENODATA;
		if (r < 0)
			complain(input_name(path), r);
	} else if (!inflater->feed) {
		bufferevent_free(pair[0]);
	}
	af_file_close(lines);
finish:
	af_file_close(input);
	af_file_close(inflater->feed);
	inflater->feed = NULL;
	return r;
}

static int run(const char *path)
{
	struct inflater inflater = { 0 };
	struct af_loop *loop = af_loop_new(NULL);
	int r = -1;

	/* 32: detects gzip and zlib. */
	if (!loop || inflateInit2(&inflater.stream, 32 + MAX_WBITS) != Z_OK)
		complain("starting", ENOMEM);
	else
		r = print_lines(loop, &inflater, path);
	af_loop_free(loop);
	inflateEnd(&inflater.stream);
	return r;
}

static const char help_text[] =
	"Usage: zcat_line [FILE]\n"
	"Prints the lines of FILE, which gzip or zlib has compressed.\n"
	"Without FILE, or if it is \"-\", reads stdin.\n"
	"\n"
	"  -h, --help    print this text\n"
	"\n"
	"Exit status: 0 for success, 1 after an error, 2 for a wrong command\n"
	"line.\n";

int main(int argc, char *argv[])
{
	int status = begin(argc, argv, help_text);

	if (status >= 0)
		return status;
	if (argc - optind > 1)
		return usage_error("expected one FILE");
	return end(run(optind < argc ? argv[optind] : "-"));
}
