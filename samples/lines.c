/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines of stdin. A line is read only when the caller asks for it. This
 * bounds the memory, and slows down a writer that is too fast. lines_total()
 * looks further ahead for the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asyncfile.h>

#include "common.h"
#include "lines.h"

/* The kernel allows no longer argument, so a longer line is an error. */
#define MAX_LINE ((size_t)128 * 1024)
#define LINE_HINT 80
/* How far ahead to look for the end. */
#define MAX_AHEAD ((size_t)1024 * 1024)

struct lines {
	struct af_file *in;
	size_t count;	/* lines taken so far */
	uint64_t bytes; /* in these lines */
	uint64_t total; /* 0: unknown */
};

/* For a file, the total is known from the beginning. */
struct lines *lines_open(struct af_loop *loop)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	off_t size;

	if (lines)
		lines->in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	if (!lines || !lines->in) {
		complain("stdin", errno);
		free(lines);
		return NULL;
	}
	size = af_file_size(lines->in);
	if (size > 0)
		lines->total =
			(uint64_t)(size - af_file_seek(lines->in, 0, SEEK_CUR));
	return lines;
}

struct af_future *lines_next(struct lines *lines)
{
	return af_file_readline(lines->in, MAX_LINE, LINE_HINT, 0, NULL);
}

/* Whether a line can be an argument: 0, or the error. */
static int find_flaw(const struct af_future *line, const char *data, size_t len)
{
	if (af_future_flags(line) & AFIO_TRUNCATED)
		return -E2BIG;
	return memchr(data, '\0', len) ? -EBADMSG : 0;
}

static void complain_line(size_t number, int error)
{
	char place[40];

	snprintf(place, sizeof(place), "stdin, line %zu", number);
	complain(place, error);
}

const char *lines_take(struct lines *lines, const struct af_future *line,
		       size_t *ret_len)
{
	size_t len = 0;
	const char *data = af_future_data(line, &len);
	int flaw;

	if (!data) {
		complain("stdin", af_future_error(line));
		return NULL;
	}
	lines->count++;
	flaw = find_flaw(line, data, len);
	if (flaw < 0) {
		complain_line(lines->count, flaw);
		return NULL;
	}
	lines->bytes += len;
	if (len == 0)
		lines->total = lines->bytes;
	*ret_len = len;
	return data;
}

/* A peek with a zero timeout has AFIO_EOF if the end has arrived. */
uint64_t lines_total(struct lines *lines)
{
	static const struct timeval at_once = { 0 };
	struct af_future *ahead;

	if (lines->total > 0)
		return lines->total;
	ahead = af_file_peek(lines->in, MAX_AHEAD, &at_once);
	if (af_future_flags(ahead) & AFIO_EOF)
		lines->total = lines->bytes + af_future_count(ahead);
	af_future_unref(ahead);
	return lines->total;
}

void lines_close(struct lines *lines)
{
	if (lines)
		af_file_close(lines->in);
	free(lines);
}
