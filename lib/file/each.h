/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Passes lines or pieces of a stream, in place, to a function: the operation,
 * and what others need to build on it.
 */
#ifndef AFI_FILE_EACH_H
#define AFI_FILE_EACH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include "file/fds.h"
#include "file/op.h"

/* What to do when the stream has ended. */
enum afi_each_end {
	AFI_EACH_END,	/* an incomplete line is passed on; then it succeeds */
	AFI_EACH_WAIT,	/* nothing, until afi_each_resume() */
	AFI_EACH_AGAIN, /* another read */
};

/* Shared by several streams, so that one at a time passes on its lines. */
struct afi_gate {
	size_t limit;		/* longest piece passed at once */
	struct timeval read_at; /* when the bytes passed on were read */
	bool shut;		/* no line is passed on, no byte read */
	bool missed; /* a stream had work: afi_each_resume() it once open */
	/*
	 * A read has found the end. It may close the file, and then returns
	 * AFI_EACH_WAIT. NULL: AFI_EACH_END.
	 */
	enum afi_each_end (*on_end)(struct afi_gate *gate);
};

/* The operation. It is a compound only while it has a part to wait for. */
struct afi_each {
	struct afi_compound compound;
	struct afi_op op;
	struct afi_task task;
	af_each_fn fn;
	void *arg;
	struct afi_gate *gate; /* NULL: none */
	size_t limit;	       /* longest piece passed at once */
	bool lines, records;
	bool running;		 /* fn is called, or may be next */
	bool waiting;		 /* until afi_each_go_on() */
	bool at_end;		 /* of the stream */
	size_t scanned;		 /* bytes known to have no newline */
	struct afi_pace pace;	 /* in bytes of lines */
	struct afi_chunk *chunk; /* during fn: where its data is, or NULL */
};

/*
 * Makes the operation, of ops->size bytes, which begins with a struct afi_each.
 * r: the result of further checks. If the future is not done, pass op to
 * afi_file_queue() next.
 */
struct af_future *afi_each_new(struct af_file *file,
			       const struct afi_future_ops *ops, int r,
			       struct afi_gate *gate, enum af_each what,
			       af_each_fn fn, void *arg);
static inline void afi_each_finish(struct afi_each *each, int error,
				   unsigned flags)
{
	if (each->op.file->keeps_fds)
		afi_fds_drop(each->op.file, true);
	afi_task_cancel(&each->compound.future.loop->ready, &each->task);
	each->compound.future.flags = flags;
	afi_op_end(&each->op, error);
}
/*
 * To be called in fn, which must then return 1: nothing is passed on or read
 * before afi_each_go_on().
 */
void afi_each_hold(struct afi_each *each);
void afi_each_go_on(struct afi_each *each);
/* For the table of an operation that begins with a struct afi_each. */
void afi_each_cancel(struct af_future *f);
void afi_each_describe(const struct af_future *f, FILE *out);

/*
 * Calls fn with the bytes from data to end, of those up to stop. They are taken
 * before the call, which may end the operation or close the file. True: the
 * operation has ended or waits.
 */
static inline bool afi_each_hand_out(struct afi_each *each,
				     struct af_file *file, const char *data,
				     const char *end, const char *stop,
				     unsigned flags)
{
	size_t n = (size_t)(end - data);
	int r;

	afi_buffer_advance(&file->in, n, (size_t)(stop - end));
	each->compound.future.count += n;
	each->compound.future.running = true;
	r = each->fn(data, n, flags, each->arg);
	each->compound.future.running = false;
	if (!(r | each->compound.future.done))
		return false;
	if (!each->compound.future.done && !each->waiting)
		afi_each_finish(each, r < 0 ? r : 0, 0);
	return true;
}
/*
 * Calls fn with every whole line up to stop; *data is moved behind them. True:
 * the operation has ended or waits, or the base must be polled first.
 */
bool afi_each_lines(struct afi_each *each, struct af_file *file,
		    const char **data, const char *stop);

/* af_file_each_line() and af_file_each_chunk() through a gate. */
struct af_future *afi_each_line(struct af_file *file, struct afi_gate *gate,
				af_each_fn fn, void *arg);
struct af_future *afi_each_chunk(struct af_file *file, struct afi_gate *gate,
				 af_each_fn fn, void *arg);
/* Call this once the gate is open, or when a stream has grown at its end. */
void afi_each_resume(struct af_future *f);

#endif
