/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The streams of a program: a reader and a writer each, and what is done with
 * them. Their bytes stay in order.
 */
#include <sys/socket.h>

#include "fuzz/programs.h"

#define MAX_FILES 8
#define MAX_STREAMS 64

static const struct timeval at_once;

/* A stream: the bytes of the n-th write to it are all n. */
struct stream {
	struct af_file *reader, *writer;
	uint8_t written, seen; /* the last one */
	bool mixed;	       /* by a copy or a write of the reader */
};

static struct stream all_streams[MAX_STREAMS], *streams[MAX_FILES];
static unsigned n_streams;

void streams_begin(void)
{
	memset(all_streams, 0, sizeof(all_streams));
	for (n_streams = 0; n_streams < MAX_FILES; n_streams++)
		streams[n_streams] = &all_streams[n_streams];
}

void streams_end(void)
{
	for (int i = 0; i < MAX_FILES; i++) {
		must(af_file_close(streams[i]->reader) == 0);
		must(af_file_close(streams[i]->writer) == 0);
	}
}

static struct stream *pick_stream(void)
{
	return streams[take_below(program, MAX_FILES)];
}

static struct af_future *read_done(struct af_future *done, void *arg)
{
	struct stream *s = arg;
	size_t len = 0;
	const char *data = af_future_data(done, &len);

	for (size_t i = 0; !s->mixed && i < len; i++) {
		must((uint8_t)data[i] >= s->seen);
		must((uint8_t)data[i] <= s->written);
		s->seen = (uint8_t)data[i];
	}
	return NULL;
}

void new_stream(void)
{
	unsigned kind = take_byte(program);
	struct stream **slot = &streams[take_below(program, MAX_FILES)];
	struct stream *s = *slot;
	int fds[2];

	/* A read of the last one may still have something to say. */
	if (s->reader || s->writer || n_streams == MAX_STREAMS)
		return;
	s = *slot = &all_streams[n_streams++];
	if (kind & 1)
		must(pipe(fds) == 0);
	else
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	s->reader = af_file_new(loop, fds[0], kind & 2 ? AFIO_UNBUFFERED : 0);
	s->writer = af_file_new(loop, fds[1], 0);
	must(s->reader && s->writer);
	if (kind & 4)
		af_file_set_limit(s->reader, 1 + take_byte(program));
}

void read_one(void)
{
	struct stream *s = pick_stream();
	unsigned way = take_below(program, 4), flags = take_bool(program);
	size_t size = take_byte(program);
	const struct timeval *time = pick_time();
	struct af_future *f;

	if (!s->reader)
		return;
	if (way == 0)
		f = af_file_readline(s->reader, size, 0, flags ? AFIO_FULL : 0,
				     time);
	else if (way == 1)
		f = af_file_read_until(s->reader, "\1\2", 2, size, 0, time);
	else
		f = af_file_read(s->reader, size, flags ? AFIO_FULL : 0, time);
	/* A peek sees bytes that are read again. */
	if (way == 3)
		keep(af_file_peek(s->reader, size, time));
	keep(af_finally(f, read_done, s));
}

void write_one(void)
{
	struct stream *s = pick_stream();
	size_t len = take_byte(program);
	unsigned flags = take_byte(program);
	static char bytes[256 * 64];

	if (!s->writer || s->written == UINT8_MAX)
		return;
	if (flags & 1)
		len *= 64;
	memset(bytes, ++s->written, len);
	keep(af_file_write(s->writer, bytes, len, flags & 2 ? AFIO_FULL : 0,
			   pick_time()));
}

static int each(const char *data, size_t len, unsigned flags, void *arg)
{
	must(data && len > 0 && flags <= AFIO_EOF);
	(void)arg;
	act_inside();
	return (int)take_below(program, 4) == 1;
}

/* Operations that are neither reads nor writes. */
void use_file(void)
{
	struct stream *s = pick_stream(), *to = pick_stream();
	bool writer = take_bool(program);
	struct af_file *file = writer ? s->writer : s->reader;
	unsigned what = take_below(program, 8);

	if (!file)
		return;
	if (what == 0)
		keep(af_file_sync(file, pick_time()));
	else if (what == 1)
		keep(af_file_hangup(file));
	else if (what == 2)
		keep(af_file_idle(file, &at_once));
	else if (what == 3)
		af_file_shutdown(file, (int)take_below(program, 3));
	else if (what == 4 && to->writer) {
		to->mixed = true;
		keep(af_file_copy(file, to->writer, take_byte(program),
				  pick_time()));
	} else if (what == 5)
		keep(af_file_each_line(file, each, NULL));
	else if (what == 6)
		keep(af_file_each_chunk(file, each, NULL));
	else if (what == 7)
		keep(af_file_finish(file, pick_time()));
}

void close_one(void)
{
	struct stream *s = pick_stream();
	struct af_file **file = take_bool(program) ? &s->writer : &s->reader;
	struct af_file *closed = *file;

	*file = NULL;
	must(af_file_close(closed) == 0);
}
