/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads up to the first of several delimiters.
 */
#include "config.h"

#include <limits.h>

#include "file/read.h"

static size_t until_any_enough(struct afi_read_op *op, const char *data,
			       size_t len)
{
	struct afi_delims *delims = op->delims;
	size_t most = afi_read_most(op), end, start;

	end = afi_delims_find(delims, data, len < most ? len : most);
	if (end > 0)
		start = end - delims->each[delims->found].len;
	else
		start = afi_delims_begun(delims);
	if (end > 0 && (end <= op->size || start == 0)) {
		op->future.status = (int)delims->found;
		return end;
	}
	/* A piece ends before a delimiter, or holds all of it. */
	if (end == 0 && (len < op->size || start == 0))
		return 0;
	op->future.flags = AFIO_TRUNCATED;
	return start < op->size ? start : op->size;
}

static bool until_any_is_valid(const struct af_text *texts, size_t n)
{
	if (!texts || n == 0 || n > INT_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!texts[i].data || texts[i].len == 0)
			return false;
	return true;
}

struct af_future *af_file_read_until_any(struct af_file *file,
					 const struct af_text *texts, size_t n,
					 size_t size, unsigned flags,
					 const struct timeval *timeout)
{
	struct af_future *failed;
	struct afi_read_op *op;

	if (!until_any_is_valid(texts, n))
		return afi_op_failed(file, -EINVAL);
	op = afi_read_new(file, flags, timeout, &failed);
	if (!op)
		return failed;
	op->enough = until_any_enough;
	op->full = op->keep_part = flags & AFIO_FULL;
	op->size = size ? size : AFI_UNBOUNDED;
	if (afi_delims_new(texts, n, &op->delims) < 0)
		return afi_read_abandon(op);
	return afi_read_start(op, file, timeout);
}
