/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all reads share. Each kind (bytes, a line, a delimiter) has a function
 * that says when there are enough bytes.
 */
#ifndef AFI_FILE_READ_H
#define AFI_FILE_READ_H

#include <stdint.h>
#include <string.h>

#include "file/delims.h"
#include "file/op.h"

#define AFI_UNBOUNDED SIZE_MAX

struct afi_read_op {
	struct af_future future;
	union {
		struct {
			struct afi_op op;
			/* How many bytes to take now; 0: not enough yet. */
			size_t (*enough)(struct afi_read_op *op,
					 const char *data, size_t len);
			size_t size;		 /* at most, or unbounded */
			size_t scanned;		 /* known to have no newline */
			struct afi_delim *delim; /* of read_until */
			struct afi_delims *delims; /* of read_until_any */
			uint32_t hint;	/* the line's likely length */
			bool full;	/* a part is no result before the end */
			bool keep_part; /* nor at the deadline */
		};
		/* Once it is done: a small result, saving an allocation. */
		char small[96];
	};
};

extern const struct afi_future_ops afi_read_ops;

/* Makes an operation; or NULL, and the failed future in *ret_failed. */
struct afi_read_op *afi_read_new(struct af_file *file, unsigned flags,
				 const struct timeval *timeout,
				 struct af_future **ret_failed);
/* Takes what there is, or queues it. */
struct af_future *afi_read_start(struct afi_read_op *op, struct af_file *file,
				 const struct timeval *timeout);
/* Ends one that was not started, with -ENOMEM. */
struct af_future *afi_read_abandon(struct afi_read_op *op);

/* Copies n bytes from the file to data, and a NUL: the result of the future. */
static inline void afi_read_copy(struct afi_read_op *op, struct af_file *file,
				 char *data, size_t n)
{
	memcpy(data, afi_buffer_data(&file->in), n);
	afi_file_consume(file, n);
	data[n] = '\0';
	op->future.data = data;
	op->future.count = n;
}

/* Whether there are bytes, and no read is ahead. */
static inline bool afi_read_may_take(const struct af_file *file)
{
	return file->in.len > 0 && TAILQ_EMPTY(&file->ops[AFI_READ]) &&
	       !file->loop->held;
}

/* How many bytes it takes to find a delimiter that begins within size bytes. */
static inline size_t afi_read_most(const struct afi_read_op *op)
{
	size_t longest = 1;

	if (op->delim)
		longest = op->delim->len;
	if (op->delims)
		longest = op->delims->longest;
	return op->size > SIZE_MAX - longest ? SIZE_MAX
					     : op->size + longest - 1;
}

#endif
