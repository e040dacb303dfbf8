/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads up to a delimiter.
 */
#include "config.h"

#include "file/read.h"

static size_t until_enough(struct afi_read_op *op, const char *data, size_t len)
{
	struct afi_delim *delim = op->delim;
	size_t most = afi_read_most(op), end, start;

	end = afi_delim_find(delim, data, len < most ? len : most);
	/* Of a delimiter that was found, or has begun. */
	start = delim->scanned - delim->matched;
	if (end > 0 && (end <= op->size || start == 0))
		return end;
	/* A piece ends before a delimiter, or holds all of it. */
	if (len < op->size || start == 0)
		return 0;
	op->future.flags = AFIO_TRUNCATED;
	return start < op->size ? start : op->size;
}

struct af_future *af_file_read_until(struct af_file *file, const void *delim,
				     size_t delim_len, size_t size,
				     unsigned flags,
				     const struct timeval *timeout)
{
	struct af_future *failed;
	struct afi_read_op *op;

	if (!delim || delim_len == 0)
		return afi_op_failed(file, -EINVAL);
	op = afi_read_new(file, flags, timeout, &failed);
	if (!op)
		return failed;
	op->enough = until_enough;
	op->full = op->keep_part = flags & AFIO_FULL;
	op->size = size ? size : AFI_UNBOUNDED;
	op->delim = afi_block_get(&file->loop->pool, sizeof(*op->delim));
	if (!op->delim || afi_delim_init(op->delim, delim, delim_len) < 0)
		return afi_read_abandon(op);
	return afi_read_start(op, file, timeout);
}
