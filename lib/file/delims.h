/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking for several delimiters at once, in bytes that come in pieces. Finds
 * the one that ends first, however the pieces are cut. Knows no file.
 */
#ifndef AFI_FILE_DELIMS_H
#define AFI_FILE_DELIMS_H

#include "file/delim.h"

struct af_text;

struct afi_delims {
	size_t n;
	size_t longest; /* its length */
	size_t scanned; /* up to here none has ended */
	size_t found;	/* which one has, if one has */
	char *last;	/* the last byte of each */
	struct afi_delim each[];
};

/* Copies n texts, none of which is empty. 0 or -ENOMEM. */
int afi_delims_new(const struct af_text *texts, size_t n,
		   struct afi_delims **ret_delims);
/* NULL is fine. */
void afi_delims_free(struct afi_delims *delims);
/*
 * Looks for the delimiter that ends first in data, which has the bytes of the
 * last call and perhaps more, len in all. Returns the offset of its end, and
 * sets found to the longest that ends there, or the first of equal ones; 0:
 * none.
 */
size_t afi_delims_find(struct afi_delims *delims, const char *data, size_t len);
/* While none was found: the offset at which the first possible one begins. */
size_t afi_delims_begun(const struct afi_delims *delims);

#endif
