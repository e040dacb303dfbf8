/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Collects a stream: reads it up to a limit, and then reads and drops the rest,
 * up to its end.
 */
#ifndef AFI_PIPELINE_COLLECT_H
#define AFI_PIPELINE_COLLECT_H

#include <stdbool.h>

#include <asyncfile/pipe.h>

/* The owner sets the first four, and all others to zero. */
struct afi_collect {
	struct af_future *whole; /* what this is a part of */
	/*
	 * Called when the stream has ended (0), or failed. Not any more once
	 * whole is done.
	 */
	void (*over)(struct afi_collect *collect, int error);
	struct af_file *const *place; /* of the file; another there: taken */
	enum af_overflow overflow;
	struct af_file *file;	/* NULL: not started */
	size_t max;		/* bytes to keep; SIZE_MAX: all */
	bool truncated;		/* more than that is dropped */
	struct af_future *read; /* what is kept */
	struct af_future *peek; /* whether more comes; NULL: all is kept */
	struct af_future *drop; /* what is read and dropped after that */
};

/* Starts to collect the file at place. max 0: the limit of the file. */
void afi_collect_start(struct afi_collect *collect, size_t max);
/*
 * Ends the read with what it has; false: the stream had not ended. True also of
 * one that was not started.
 */
bool afi_collect_stop(struct afi_collect *collect);
/*
 * Once it was stopped: what was kept, followed by a NUL, which lives up to
 * afi_collect_clear(). Empty if it was not started.
 */
void afi_collect_result(struct afi_collect *collect, const char **ret,
			size_t *ret_len);
void afi_collect_clear(struct afi_collect *collect);

#endif
