/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdio.h>

#include <event2/buffer.h>

#include "json.h"

/*
 * The length of the character that begins here, or 0 if it is not UTF-8: cut
 * short, longer than it must be, a surrogate, or past U+10FFFF.
 */
static size_t json_utf8(const unsigned char *at, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n, i;

	if (at[0] < 0xc2 || at[0] > 0xf4)
		return at[0] < 0x80 ? 1 : 0;
	n = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	if (at[0] == 0xe0)
		low = 0xa0;
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xed)
		high = 0x9f;
	else if (at[0] == 0xf4)
		high = 0x8f;
	if (left < n || at[1] < low || at[1] > high)
		return 0;
	for (i = 2; i < n; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return n;
}

static bool json_must_escape(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

int json_string(struct evbuffer *to, const char *bytes, size_t len)
{
	const unsigned char *at = (const unsigned char *)bytes;
	size_t n, i, from = 0;
	int r = evbuffer_add(to, "\"", 1);

	for (i = 0; i < len && r == 0; i += n) {
		n = json_utf8(at + i, len - i);
		if (n > 1 || (n == 1 && !json_must_escape(at[i])))
			continue;
		r = evbuffer_add(to, at + from, i - from);
		if (r == 0 &&
		    evbuffer_add_printf(to, "\\u%04x", n ? at[i] : 0xfffdu) < 0)
			r = -1;
		n = 1;
		from = i + 1;
	}
	if (r == 0)
		r = evbuffer_add(to, at + from, len - from);
	return r == 0 ? evbuffer_add(to, "\"", 1) : r;
}
