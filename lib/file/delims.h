/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking for several delimiters at once, of which the first to end counts,
 * however the bytes come in pieces. Knows no file.
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
 * Looks for the delimiter that ends first in data, which begins as at the last
 * call and is len bytes now: the offset of its end, and found is set to the
 * longest that ends there, or the first of equal ones; 0: none was found.
 */
size_t afi_delims_find(struct afi_delims *delims, const char *data, size_t len);
/* While none was found: where the first one that has begun begins. */
size_t afi_delims_begun(const struct afi_delims *delims);

#endif
