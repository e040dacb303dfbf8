/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Delimiters, found by the algorithm of Knuth, Morris and Pratt: its only state
 * is how many bytes match so far, and that also says whether a delimiter has
 * begun.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/delim.h"

/*
 * Of the first n bytes of a delimiter, n > 0, the longest proper end that also
 * begins it.
 */
static size_t delim_fallback(const struct afi_delim *delim, size_t n)
{
	size_t k = n - 1;

	if (delim->fallback)
		return delim->fallback[n];
	while (memcmp(delim->bytes, delim->bytes + n - k, k) != 0)
		k--;
	return k;
}

/* How much matches after one more byte. */
static size_t delim_advance(const struct afi_delim *delim, size_t matched,
			    char next)
{
	while (matched > 0 && delim->bytes[matched] != next)
		matched = delim_fallback(delim, matched);
	return matched + (delim->bytes[matched] == next);
}

static int delim_init_long(struct afi_delim *delim, const void *bytes)
{
	size_t len = delim->len, k = 0;
	char *copy;

	if (len > SIZE_MAX / (2 * sizeof(size_t)))
		return -ENOMEM;
	delim->fallback = malloc((len + 1) * sizeof(size_t) + len);
	if (!delim->fallback)
		return -ENOMEM;
	copy = (char *)(delim->fallback + len + 1);
	delim->bytes = memcpy(copy, bytes, len);
	delim->fallback[0] = delim->fallback[1] = 0;
	for (size_t n = 1; n < len; n++) {
		k = delim_advance(delim, k, copy[n]);
		delim->fallback[n + 1] = k;
	}
	return 0;
}

int afi_delim_init(struct afi_delim *delim, const void *bytes, size_t len)
{
	*delim = (struct afi_delim){ .len = len };
	if (len > AFI_DELIM_SHORT)
		return delim_init_long(delim, bytes);
	delim->bytes = memcpy(delim->copy, bytes, len);
	return 0;
}

void afi_delim_clear(struct afi_delim *delim)
{
	free(delim->fallback);
	delim->fallback = NULL;
}

size_t afi_delim_find(struct afi_delim *delim, const char *data, size_t len)
{
	size_t at = delim->scanned, matched = delim->matched;
	const char *first;

	while (at < len && matched < delim->len) {
		if (matched > 0) {
			matched = delim_advance(delim, matched, data[at++]);
			continue;
		}
		first = memchr(data + at, delim->bytes[0], len - at);
		at = first ? (size_t)(first - data) + 1 : len;
		matched = first ? 1 : 0;
	}
	delim->scanned = at;
	delim->matched = matched;
	return matched == delim->len ? at : 0;
}
