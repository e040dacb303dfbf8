/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters: what is done to a job's output on its way out. */
#ifndef FANOUT_FILTER_H
#define FANOUT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct evbuffer;

/** Zero it first: zero passes every byte on. */
struct filter {
	bool visible;	 /* control characters are shown as ^X */
	bool json;	 /* the output is the inside of a JSON string */
	const char *tag; /* written before each line; NULL: none */
	bool colour;	 /* the tag has a colour */
	/* Its own */
	bool in_line;
	unsigned char held[4]; /* the beginning of a character */
	size_t n_held;
};

/** Appends some output to out. */
void filter_add(struct filter *filter, const char *data, size_t len,
		struct evbuffer *out);

/** Appends what is held back, at the end of the output. */
void filter_end(struct filter *filter, struct evbuffer *out);

/** Whether the filter passes every byte on. */
bool filter_is_plain(const struct filter *filter);

/** Appends text with its control characters, newlines too, shown as ^X. */
void filter_show(const char *text, struct evbuffer *out);

/** Appends text as the inside of a JSON string. */
void filter_json(const char *text, struct evbuffer *out);

#endif
