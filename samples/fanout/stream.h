/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream: the output of a job, kept until it is printed. */
#ifndef FANOUT_STREAM_H
#define FANOUT_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "filter.h"

struct af_file;
struct af_future;
struct af_loop;
struct evbuffer;

/** The first bytes in memory, and a file with the rest. */
struct stream {
	struct af_loop *loop;
	struct af_file *from;
	struct af_future *head; /* NULL: all of it is in the file */
	struct af_file *rest;	/* NULL: there is none */
	/* While it is printed */
	struct af_file *to;
	struct filter filter;
	struct evbuffer *filtered;
};

/**
 * Reads the stream to its end: the first MiB into memory, the rest into a file
 * without a name. If stream->rest is set, all of it is copied there.
 */
struct af_future *stream_keep(struct stream *stream);

/** The same after stream_keep() was cancelled; never fails. */
struct af_future *stream_keep_rest(struct stream *stream);

/** Writes the whole stream to a file, through a filter. */
struct af_future *stream_print(struct stream *stream, struct af_file *to,
			       const struct filter *filter);

/** Returns how many bytes there are. */
uint64_t stream_size(const struct stream *stream);

/** Returns how many of them are in memory. */
size_t stream_in_memory(const struct stream *stream);

void stream_clear(struct stream *stream);

#endif
