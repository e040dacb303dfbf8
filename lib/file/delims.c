/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several delimiters: each is looked for separately. All searches proceed to
 * the same offset, in steps. Otherwise a rare one would be looked for far
 * beyond each occurrence of a frequent one, again and again.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <asyncfile/file.h>

#include "file/delims.h"

/* The first step, in bytes; each one is twice as long as the one before. */
#define STEP 256

int afi_delims_new(const struct af_text *texts, size_t n,
		   struct afi_delims **ret_delims)
{
	const size_t size = sizeof(struct afi_delim) + 1;
	struct afi_delims *delims;
	int r = 0;

	if (n > (SIZE_MAX - sizeof(*delims)) / size)
		return -ENOMEM;
	delims = calloc(1, sizeof(*delims) + n * size);
	if (!delims)
		return -ENOMEM;
	delims->last = (char *)&delims->each[n];
	for (; delims->n < n && r == 0; delims->n++) {
		const struct af_text *text = &texts[delims->n];
		const char *bytes = text->data;

		r = afi_delim_init(&delims->each[delims->n], bytes, text->len);
		delims->last[delims->n] = bytes[text->len - 1];
		if (text->len > delims->longest)
			delims->longest = text->len;
	}
	if (r < 0)
		afi_delims_free(delims);
	else
		*ret_delims = delims;
	return r;
}

void afi_delims_free(struct afi_delims *delims)
{
	for (size_t i = 0; i < delims->n; i++)
		afi_delim_clear(&delims->each[i]);
	free(delims);
}

/* Looks at the first len bytes: the first end of a delimiter; 0: none. */
static size_t delims_find_in(struct afi_delims *delims, const char *data,
			     size_t len)
{
	size_t first = 0, end;

	for (size_t i = 0; i < delims->n; i++) {
		end = afi_delim_find(&delims->each[i], data, len);
		if (end == 0 ||
		    (end == first &&
		     delims->each[i].len <= delims->each[delims->found].len))
			continue;
		/* The others need not look further. */
		first = len = end;
		delims->found = i;
	}
	return first;
}

size_t afi_delims_find(struct afi_delims *delims, const char *data, size_t len)
{
	size_t step = STEP, end = 0;

	while (end == 0 && delims->scanned < len) {
		if (len - delims->scanned > step)
			delims->scanned += step;
		else
			delims->scanned = len;
		step *= 2;
		end = delims_find_in(delims, data, delims->scanned);
	}
	return end;
}

size_t afi_delims_begun(const struct afi_delims *delims)
{
	size_t most = 0;

	for (size_t i = 0; i < delims->n; i++)
		if (delims->each[i].matched > most)
			most = delims->each[i].matched;
	return delims->scanned - most;
}
