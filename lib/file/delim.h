/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking for a delimiter in bytes that come in pieces. Each byte is looked at
 * once, however the pieces are cut. Knows no file.
 */
#ifndef AFI_FILE_DELIM_H
#define AFI_FILE_DELIM_H

#include <stddef.h>

/* A longer one takes memory of its own. */
#define AFI_DELIM_SHORT 6

struct afi_delim {
	const char *bytes;
	size_t len;
	size_t scanned;	  /* bytes that were looked at */
	size_t matched;	  /* the last so many of them begin a delimiter */
	size_t *fallback; /* of a long one: see delim_fallback() */
	char copy[AFI_DELIM_SHORT];
};

/* Copies the delimiter; len is not 0. 0 or -ENOMEM. */
int afi_delim_init(struct afi_delim *delim, const void *bytes, size_t len);
void afi_delim_clear(struct afi_delim *delim);
/*
 * Looks for it in data, which has the bytes of the last call and perhaps more,
 * len in all. Returns the offset of its end; 0: not found.
 */
size_t afi_delim_find(struct afi_delim *delim, const char *data, size_t len);

#endif
