/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A layer for tests: frames with a length before them, of which an empty one is
 * a goodbye. It uses the library only through its public headers.
 */
#ifndef TESTS_FRAMED_H
#define TESTS_FRAMED_H

#include <stdbool.h>
#include <stddef.h>

#include <asyncfile.h>

struct framed {
	int fd;
	unsigned char in[3000];
	size_t in_len;
	size_t left; /* of the frame that has begun */
	bool is_over;
	int over;
	unsigned char *out;
	size_t out_len;
	/* What a test asks for and sees. */
	int fail; /* each call, with this error; 0: none */
	int finishes, *releases;
};

extern const struct af_layer framed_layer;

struct framed *framed_new(int fd, int *releases);
/* Puts the layer on a file, which must succeed. */
struct framed *framed_on(struct af_file *file, int *releases);

#endif
