/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes that tests and their helper send each other: the byte at an offset
 * depends on the offset, so that a gap or a repetition shows.
 */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include <stddef.h>

static inline unsigned char pattern_at(size_t offset)
{
	return (unsigned char)(offset + (offset >> 8) * 7 +
			       (offset >> 16) * 13);
}

/* Fills buf with the pattern from offset on. */
static inline void pattern_fill(void *buf, size_t len, size_t offset)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = pattern_at(offset + i);
}

/* How many bytes at the start of buf match the pattern from offset on. */
static inline size_t pattern_match(const void *buf, size_t len, size_t offset)
{
	const unsigned char *p = buf;
	size_t i = 0;

	while (i < len && p[i] == pattern_at(offset + i))
		i++;
	return i;
}

#endif
