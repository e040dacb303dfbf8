/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filters: tags, control characters made harmless, strings of JSON. The output
 * arrives in pieces of any size, so an incomplete character is held back. Runs
 * of ordinary bytes are passed on together.
 *
 * A byte that is part of no UTF-8 character is shown as \xHH on a terminal, and
 * is U+FFFD in JSON.
 */
#include <stdint.h>
#include <string.h>

#include <event2/buffer.h>

#include "filter.h"
#include "utf8.h"

#define REPLACEMENT "\357\277\275"

static void add_text(struct evbuffer *out, const char *text)
{
	evbuffer_add(out, text, strlen(text));
}

/* Whether a terminal may act on it, or show other text in another place. */
static bool is_harmful(uint32_t c)
{
	return c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
	       c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

static void add_visible(struct evbuffer *out, uint32_t c)
{
	if (c < ' ' || c == 0x7f)
		evbuffer_add_printf(out, "^%c", (char)(c ^ 0x40));
	else
		evbuffer_add_printf(out, "\\u%04x", (unsigned)c);
}

static bool is_special(const struct filter *filter, uint32_t c)
{
	if (filter->json)
		return c < ' ' || c == '"' || c == '\\' || c == 0x7f;
	return filter->visible && c != '\n' && c != '\t' && is_harmful(c);
}

static void add_special(const struct filter *filter, uint32_t c,
			struct evbuffer *out)
{
	if (!filter->json)
		add_visible(out, c);
	else if (c == '"' || c == '\\')
		evbuffer_add_printf(out, "\\%c", (char)c);
	else if (c == '\n')
		add_text(out, "\\n");
	else if (c == '\t')
		add_text(out, "\\t");
	else
		evbuffer_add_printf(out, "\\u%04x", (unsigned)c);
}

static void add_invalid(const struct filter *filter, unsigned char byte,
			struct evbuffer *out)
{
	if (filter->json)
		add_text(out, REPLACEMENT);
	else
		evbuffer_add_printf(out, "\\x%02x", byte);
}

/* Adds characters. Returns how many bytes are left: an incomplete character. */
static size_t add_characters(struct filter *filter, const unsigned char *data,
			     size_t len, struct evbuffer *out)
{
	const unsigned char *run = data, *end = data + len;
	uint32_t c = 0;
	int n;

	while (data < end) {
		n = utf8_next(data, (size_t)(end - data), &c);
		if (n > 0 && !is_special(filter, c)) {
			data += n;
			continue;
		}
		evbuffer_add(out, run, (size_t)(data - run));
		if (n == 0)
			return (size_t)(end - data);
		if (n > 0)
			add_special(filter, c, out);
		else
			add_invalid(filter, *data, out);
		data += n > 0 ? n : 1;
		run = data;
	}
	evbuffer_add(out, run, (size_t)(data - run));
	return 0;
}

/* Completes the character that is held back, byte by byte. */
static void add_all(struct filter *filter, const char *data, size_t len,
		    struct evbuffer *out)
{
	size_t left;

	while (filter->n_held > 0 && len > 0) {
		filter->held[filter->n_held++] = (unsigned char)*data++;
		len--;
		left = add_characters(filter, filter->held, filter->n_held,
				      out);
		memmove(filter->held, filter->held + filter->n_held - left,
			left);
		filter->n_held = left;
	}
	if (len == 0)
		return;
	left = add_characters(filter, (const unsigned char *)data, len, out);
	memcpy(filter->held, data + len - left, left);
	filter->n_held = left;
}

static void add_piece(struct filter *filter, const char *data, size_t len,
		      struct evbuffer *out)
{
	if (filter->visible || filter->json)
		add_all(filter, data, len, out);
	else
		evbuffer_add(out, data, len);
}

static void add_tag(const struct filter *filter, struct evbuffer *out)
{
	add_text(out, filter->colour ? "\033[36m" : "");
	filter_show(filter->tag, out);
	add_text(out, filter->colour ? "\033[m\t" : "\t");
}

void filter_add(struct filter *filter, const char *data, size_t len,
		struct evbuffer *out)
{
	const char *newline;
	size_t n;

	if (!filter->tag) {
		add_piece(filter, data, len, out);
		return;
	}
	for (; len > 0; data += n, len -= n) {
		if (!filter->in_line)
			add_tag(filter, out);
		newline = memchr(data, '\n', len);
		n = newline ? (size_t)(newline - data) + 1 : len;
		add_piece(filter, data, n, out);
		filter->in_line = !newline;
	}
}

void filter_end(struct filter *filter, struct evbuffer *out)
{
	size_t i;

	for (i = 0; i < filter->n_held; i++)
		add_invalid(filter, filter->held[i], out);
	filter->n_held = 0;
	filter->in_line = false;
}

bool filter_is_plain(const struct filter *filter)
{
	return !filter->visible && !filter->json && !filter->tag;
}

/* A newline and a tab are special here. */
void filter_show(const char *text, struct evbuffer *out)
{
	struct filter filter = { .visible = true };
	size_t n;

	for (; *text; text += n) {
		n = strcspn(text, "\n\t");
		filter_add(&filter, text, n, out);
		filter_end(&filter, out);
		if (text[n])
			add_visible(out, (uint32_t)text[n++]);
	}
}

void filter_json(const char *text, struct evbuffer *out)
{
	struct filter filter = { .json = true };

	filter_add(&filter, text, strlen(text), out);
	filter_end(&filter, out);
}
