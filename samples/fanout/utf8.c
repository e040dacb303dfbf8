/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UTF-8, as the Unicode standard has it: no overlong form, no surrogate,
 * nothing above U+10FFFF.
 */
#include "utf8.h"

static int length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return -1;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The second byte has a smaller range after some first bytes. */
static int is_second(unsigned char first, unsigned char c)
{
	unsigned char low = 0x80, high = 0xbf;

	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	return c >= low && c <= high;
}

int utf8_next(const unsigned char *data, size_t len, uint32_t *ret_c)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	int n = length(data[0]), i;
	uint32_t c;

	if (n < 0)
		return -1;
	c = data[0] & mask[n];
	for (i = 1; i < n; i++) {
		if ((size_t)i == len)
			return 0;
		if (i == 1 ? !is_second(data[0], data[1])
			   : (data[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (data[i] & 0x3f);
	}
	*ret_c = c;
	return n;
}
