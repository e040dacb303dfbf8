/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets share: choices that are read from an input, and checks.
 * A target is a function LLVMFuzzerTestOneInput(), linked with libFuzzer or
 * with replay.c. When an input is at its end, every choice is 0.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(), which a program may be built without. */
#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,     \
				__LINE__, #condition);                         \
			abort();                                               \
		}                                                              \
	} while (0)

struct input {
	const uint8_t *data;
	size_t left;
};

static inline unsigned take_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->data++;
}

/* A number below n, which is at most 256. */
static inline unsigned take_below(struct input *in, unsigned n)
{
	return take_byte(in) % n;
}

static inline bool take_bool(struct input *in)
{
	return take_byte(in) & 1;
}

static inline uint32_t take_32(struct input *in)
{
	uint32_t n = 0;

	for (int i = 0; i < 4; i++)
		n = n << 8 | take_byte(in);
	return n;
}

/* A number at which something may begin or end, a small one, or any. */
static inline int take_int(struct input *in)
{
	static const int edges[] = { 0,		  1,	   -1, 2,  3,
				     INT_MAX,	  INT_MIN, 63, 64, 65,
				     INT_MAX - 1, 1 << 16, 255 };
	unsigned choice = take_byte(in);

	if (choice < sizeof(edges) / sizeof(*edges))
		return edges[choice];
	return choice < 192 ? (int)(choice - 100) : (int)take_32(in);
}

/* As above. */
static inline uint64_t take_64(struct input *in)
{
	static const uint64_t edges[] = { 0,	      1,
					  UINT64_MAX, UINT64_MAX - 1,
					  INT64_MAX,  SIZE_MAX / 2,
					  UINT32_MAX };
	unsigned choice = take_byte(in);

	if (choice < sizeof(edges) / sizeof(*edges))
		return edges[choice];
	return choice < 192 ? choice
			    : (uint64_t)take_32(in) << 32 | take_32(in);
}

/* At most max bytes, which stay in the input. */
static inline const uint8_t *take_bytes(struct input *in, size_t max,
					size_t *ret_len)
{
	const uint8_t *data = in->data;

	*ret_len = in->left < max ? in->left : max;
	in->data += *ret_len;
	in->left -= *ret_len;
	return data;
}

/* A string of less than size bytes, up to a NUL or to the end. */
static inline char *take_text(struct input *in, char *text, size_t size)
{
	size_t n = 0, len;
	unsigned c;

	for (len = in->left; n + 1 < size && len > 0; len--) {
		c = take_byte(in);
		if (c == '\0')
			break;
		text[n++] = (char)c;
	}
	text[n] = '\0';
	return text;
}

/* The same, allocated as long as it is, so that no byte behind it is read. */
static inline char *take_string(struct input *in, size_t size)
{
	char *text = malloc(size), *copy;

	must(text);
	copy = strdup(take_text(in, text, size));
	must(copy);
	free(text);
	return copy;
}

/* The lowest one that is free: the same before and after, or one leaks. */
static inline int lowest_fd(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD, 0);

	must(fd >= 0);
	close(fd);
	return fd;
}

#endif
