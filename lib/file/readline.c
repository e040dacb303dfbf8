/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads of a line.
 */
#include "config.h"

#include <string.h>

#include "file/read.h"

/* A longer line than this grows the buffer, whatever was announced. */
#define HINT_MAX ((size_t)16 << 20)

static struct afi_read_op *readline_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct afi_read_op, future);
}

static size_t readline_enough(struct afi_read_op *op, const char *data,
			      size_t len)
{
	size_t end = len < op->size ? len : op->size;
	const char *newline;

	newline = memchr(data + op->scanned, '\n', end - op->scanned);
	if (newline)
		return (size_t)(newline - data) + 1;
	op->scanned = end;
	if (len < op->size)
		return 0;
	/* A piece of a line that is longer. */
	op->future.flags = AFIO_TRUNCATED;
	return op->size;
}

__attribute__((noinline)) static struct af_future *
readline_queued(struct af_file *file, size_t size, size_t sizehint,
		unsigned flags, const struct timeval *timeout)
{
	struct af_future *failed;
	struct afi_read_op *op = afi_read_new(file, flags, timeout, &failed);

	if (!op)
		return failed;
	op->enough = readline_enough;
	op->full = op->keep_part = flags & AFIO_FULL;
	op->size = size ? size : AFI_UNBOUNDED;
	op->hint = (uint32_t)(sizehint < HINT_MAX ? sizehint : HINT_MAX);
	return afi_read_start(op, file, timeout);
}

/* The length of the first line, if it is there and short; else 0. */
static inline size_t readline_first(const struct af_file *file, size_t size)
{
	size_t most = sizeof(((struct afi_read_op *)NULL)->small) - 1;
	const char *data = afi_buffer_data(&file->in), *newline;

	if (most > file->in.len)
		most = file->in.len;
	if (size && most > size)
		most = size;
	newline = memchr(data, '\n', most);
	return newline ? (size_t)(newline - data) + 1 : 0;
}

struct af_future *af_file_readline(struct af_file *file, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout)
{
	struct af_future *f = NULL;
	size_t n = 0;

	/* A short line that is there takes the straight way. */
	if (afi_op_check(file, AFI_READ, flags, AFIO_FULL, timeout) == 0 &&
	    afi_read_may_take(file) && !file->limit &&
	    !(file->unbuffered | file->keeps_fds))
		n = readline_first(file, size);
	if (n > 0)
		f = afi_future_take(file->loop, &afi_read_ops);
	if (!f)
		return readline_queued(file, size, sizehint, flags, timeout);
	afi_read_copy(readline_of(f), file, readline_of(f)->small, n);
	afi_future_finish_new(f, 0);
	return f;
}
