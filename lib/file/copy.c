/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copying from one file to another: in the kernel where possible, else through
 * the source's own buffer, so that no byte is lost when the copy ends early.
 */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/refused.h"
#include "file/copy.h"
#include "file/fds.h"
#include "file/fill.h"
#include "file/op.h"
#include "file/splice.h"

/*
 * MOVES_MAX: moves in one turn, and turns at the deadline. SPLICE_MAX: bytes in
 * one move.
 */
#define MOVES_MAX 16
#define SPLICE_MAX (1 << 20)
/* A worker writes so many bytes at once: it takes long to begin. */
#define GATHER_MAX (256 * 1024)

struct copy_op {
	struct af_future future;
	struct afi_op in;     /* in the queue of reads */
	struct afi_op out;    /* in the queue of writes */
	int64_t left;	      /* negative: all */
	bool in_kernel;	      /* by afi_splice() */
	bool moved_less;      /* the last move was partial */
	bool passes_end;      /* of its source on to the target */
	bool stepping, again; /* in copy_step(); which was called again there */
};

static struct copy_op *copy_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct copy_op, future);
}

static bool copy_is_first(const struct afi_op *op)
{
	/* A file that is being closed cancels its operations. */
	return op->file && !op->file->closing && afi_file_is_first(op);
}

/* Whether it is first in both queues. */
static bool copy_can_go(const struct copy_op *copy)
{
	return copy_is_first(&copy->in) && copy_is_first(&copy->out);
}

static size_t copy_at_most(const struct copy_op *copy, size_t n)
{
	return copy->left >= 0 && (uint64_t)copy->left < n ? (size_t)copy->left
							   : n;
}

/* Writes buffered bytes. */
static ssize_t copy_buffered(struct copy_op *copy)
{
	struct af_file *from = copy->in.file, *to = copy->out.file;
	struct iovec iov = {
		.iov_base = afi_buffer_data(&from->in),
		.iov_len = copy_at_most(copy, from->in.len),
	};
	ssize_t r = to->transport->write(to, &iov, 1);

	afi_file_note(to, r);
	if (copy->future.done)
		return -ECANCELED;
	if (r == -EAGAIN || r == 0)
		return afi_file_await(to, AFI_WRITE);
	if (r > 0)
		afi_file_consume(from, (size_t)r);
	return r;
}

/* Waits for the side that was not ready. */
static ssize_t copy_wait_for_either(struct af_file *from, struct af_file *to)
{
	struct pollfd out = { .fd = to->fd, .events = POLLOUT };

	/* An always-ready source is not what we wait for. */
	if (!from->transport->always_ready && poll(&out, 1, 0) == 1)
		return afi_file_await(from, AFI_READ);
	return afi_file_await(to, AFI_WRITE);
}

static ssize_t copy_in_kernel(struct copy_op *copy)
{
	struct af_file *from = copy->in.file, *to = copy->out.file;
	ssize_t len = (ssize_t)copy_at_most(copy, SPLICE_MAX), r;

	/* One side was empty or full: save the call that would fail. */
	if (copy->moved_less) {
		copy->moved_less = false;
		return copy_wait_for_either(from, to);
	}
	if (from->transport->prepare)
		len = from->transport->prepare(from, (size_t)len);
	if (len < 0)
		return len == -EAGAIN ? afi_file_await(from, AFI_READ) : len;
	r = afi_splice(from, to, (size_t)len);
	afi_file_note(from, r);
	afi_file_note(to, r);
	if (r == 0)
		r = afi_fill_end(from);
	if (r == 0)
		from->eof = from->sticky_eof;
	copy->moved_less = r > 0 && r < len;
	return r == -EAGAIN ? copy_wait_for_either(from, to) : r;
}

/* Reads what can be written at once: as afi_fill(). */
static ssize_t copy_fill(struct copy_op *copy)
{
	struct af_file *from = copy->in.file, *to = copy->out.file;
	size_t want = copy_at_most(copy, GATHER_MAX);
	bool more = true;
	ssize_t r = 1;

	if (!to->transport->worker_writes || !to->transport->worker_writes(to))
		return afi_fill(from, copy_at_most(copy, AFI_CHUNK_SIZE));
	/* Without memory, less of it will do. */
	afi_buffer_reserve(&from->in, &from->loop->pool, 0, want);
	while (from->in.len < want && r > 0 && more) {
		r = afi_fill(from, want);
		more = !copy->future.done &&
		       (from->transport->always_ready ||
			!from->drained[AFI_READ]) &&
		       !afi_loop_is_late(copy->future.loop);
	}
	/* Its end, and an error, are found again. */
	return from->in.len > 0 ? (ssize_t)from->in.len : r;
}

/*
 * Moves some bytes, or asks to be woken: bytes written, 0 at end of file, or a
 * negative errno.
 */
static ssize_t copy_some(struct copy_op *copy)
{
	struct af_file *from = copy->in.file;
	ssize_t r;

	if (from->in.len > 0)
		return copy_buffered(copy);
	if (from->read_error || from->eof)
		return afi_fill_error(from);
	if (from->drained[AFI_READ])
		return afi_file_await(from, AFI_READ);
	if (copy->in_kernel && from->transport->held(from) == 0) {
		r = copy_in_kernel(copy);
		if (r != -EINVAL && !afi_refused((int)-r))
			return r;
		/* Neither end is a pipe, or it cannot be done here. */
		copy->in_kernel = false;
	}
	r = copy_fill(copy);
	if (copy->future.done)
		return -ECANCELED;
	if (r == -EAGAIN || r == AFI_EMPTY)
		return afi_file_await(from, AFI_READ);
	if (r == 0)
		from->eof = from->sticky_eof;
	return r > 0 ? copy_buffered(copy) : r;
}

static void copy_count(struct copy_op *copy, size_t n)
{
	copy->future.count += n;
	if (copy->left > 0)
		copy->left -= (int64_t)n;
}

/*
 * Leaves both queues. Bytes that a worker or a bufferevent has count as written
 * and are taken out of the source.
 */
static void copy_unqueue(struct copy_op *copy)
{
	size_t n = afi_file_unqueue(&copy->out);

	if (n > 0)
		afi_file_consume(copy->in.file, n);
	copy_count(copy, n);
	if (copy->in.file->keeps_fds)
		afi_fds_drop(copy->in.file, true);
	afi_file_unqueue(&copy->in);
}

/* What cannot be shut down stays open; the program closes it. */
static int copy_pass_end(struct af_file *to)
{
	int r = af_file_shutdown(to, SHUT_WR);

	return r == -ENOMEM ? r : 0;
}

/*
 * Steps what is behind a copy. This may be in a step of the other file: if only
 * that one expects no code of the program to run in it, does so later.
 */
static void copy_resume(struct af_file *file, enum afi_direction direction,
			const struct af_file *other)
{
	if (!file->careful || other->careful)
		afi_file_resume(file, direction);
	else if (afi_file_check(file) == 0)
		afi_file_step_later(file);
}

/* Ends a copy that has left both queues, and steps those behind it. */
static void copy_end(struct copy_op *copy, struct af_file *from,
		     struct af_file *to, int error, unsigned flags)
{
	afi_file_hold(from);
	afi_file_hold(to);
	if (copy->passes_end && error == 0 && flags == AFIO_EOF)
		error = copy_pass_end(to);
	copy->future.flags = flags;
	afi_future_finish(&copy->future, error);
	copy_resume(from, AFI_READ, to);
	copy_resume(to, AFI_WRITE, from);
	afi_file_let_go(to);
	afi_file_let_go(from);
}

static void copy_finish(struct copy_op *copy, int error, unsigned flags)
{
	struct af_file *from = copy->in.file, *to = copy->out.file;

	copy_unqueue(copy);
	copy_end(copy, from, to, error, flags);
}

/* Whether others must have their turn; the clock is not read for a wait. */
static bool copy_is_over(const struct copy_op *copy, int moves)
{
	const struct af_file *from = copy->in.file;

	if (moves == 0 || copy->moved_less ||
	    (from->drained[AFI_READ] && from->in.len == 0))
		return false;
	return moves == MOVES_MAX || afi_loop_is_late(copy->future.loop);
}

/* Moves what can be moved now: 0, -EAGAIN, or -errno if it has ended. */
static int copy_move(struct copy_op *copy)
{
	ssize_t r = 1;

	for (int moves = 0; copy->left != 0 && r > 0; moves++) {
		if (copy_is_over(copy, moves)) {
			afi_file_step_later(copy->in.file);
			return -EAGAIN;
		}
		r = copy_some(copy);
		if (r > 0)
			copy_count(copy, (size_t)r);
	}
	if (copy->future.done)
		return 0;
	if (r == -EAGAIN)
		return -EAGAIN;
	copy_finish(copy, r < 0 ? (int)r : 0, r == 0 ? AFIO_EOF : 0);
	return 0;
}

static int copy_step(struct afi_op *op)
{
	struct copy_op *copy = copy_of(op->future);
	struct af_file *from = copy->in.file, *to = copy->out.file;
	int r = -EAGAIN;

	if (!copy_can_go(copy))
		return -EAGAIN;
	/* Both files step it: one may do so while it moves bytes. */
	copy->again = true;
	if (copy->stepping)
		return -EAGAIN;
	afi_file_hold(from);
	afi_file_hold(to);
	af_future_ref(&copy->future);
	copy->stepping = true;
	while (r == -EAGAIN && copy->again) {
		copy->again = false;
		r = copy_move(copy);
	}
	copy->stepping = false;
	af_future_unref(&copy->future);
	afi_file_let_go(to);
	afi_file_let_go(from);
	return r;
}

static void copy_cancel(struct af_future *f)
{
	copy_finish(copy_of(f), -ECANCELED, 0);
}

/*
 * A busy program is late: takes what has arrived by now. The limits are for
 * sources that never run dry.
 */
static void copy_rest(struct copy_op *copy)
{
	size_t before;
	int turns = 0;

	do {
		before = copy->future.count;
		copy->in.file->drained[AFI_READ] = false;
		copy->moved_less = false;
		copy_step(&copy->in);
	} while (!copy->future.done && copy->future.count > before &&
		 ++turns < MOVES_MAX && !afi_loop_is_late(copy->future.loop));
}

static void copy_expire(struct af_future *f)
{
	struct copy_op *copy = copy_of(f);
	struct af_file *from = copy->in.file, *to = copy->out.file;

	af_future_ref(f);
	if (copy_can_go(copy))
		copy_rest(copy);
	if (!f->done) {
		copy_unqueue(copy);
		if (f->count == 0)
			copy_end(copy, from, to, -ETIMEDOUT, 0);
		else
			copy_end(copy, from, to, 0,
				 copy->left == 0 ? 0 : AFIO_TIMEDOUT);
	}
	af_future_unref(f);
}

static void copy_describe(const struct af_future *f, FILE *out)
{
	const struct copy_op *copy = AFI_CONTAINER(f, struct copy_op, future);

	fprintf(out, " fd %d to fd %d", copy->in.file->user_fd,
		copy->out.file->user_fd);
}

static const struct afi_future_ops copy_ops = {
	.name = "copy",
	.size = sizeof(struct copy_op),
	.cancel = copy_cancel,
	.expire = copy_expire,
	.progress = afi_op_progress,
	.describe = copy_describe,
};

static bool copy_is_same_fifo(const struct af_file *from,
			      const struct af_file *to)
{
	struct stat a, b;

	return from->is_fifo && to->is_fifo && fstat(from->fd, &a) == 0 &&
	       fstat(to->fd, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Up to the end, it would read back what it wrote, and never come there. */
static bool copy_is_endless(const struct af_file *from,
			    const struct af_file *to, int64_t count)
{
	if (from == to)
		return from->transport->always_ready || from->is_fifo;
	if (count >= 0)
		return false;
	return copy_is_same_fifo(from, to) ||
	       (from->transport == to->transport && from->transport->is_same &&
		from->transport->is_same(from, to));
}

static struct af_future *copy_start(struct af_file *from, struct af_file *to,
				    int64_t count, bool passes_end,
				    const struct timeval *timeout)
{
	int r = afi_op_check(from, AFI_READ, 0, 0, timeout);
	struct copy_op *copy;
	struct af_future *f;

	if (r == 0)
		r = afi_op_check(to, AFI_WRITE, 0, 0, timeout);
	if (r == 0 &&
	    (from->loop != to->loop || copy_is_endless(from, to, count)))
		r = -EINVAL;
	f = afi_op_new(from, &copy_ops, r);
	if (f->done)
		return f;
	copy = copy_of(f);
	copy->left = count;
	copy->passes_end = passes_end;
	if (from->careful || to->careful)
		from->careful = to->careful = true;
	copy->in_kernel = afi_splice_may(from, to);
	afi_op_init(&copy->in, f, AFI_READ, copy_step);
	afi_op_init(&copy->out, f, AFI_WRITE, copy_step);
	afi_file_queue(from, &copy->in);
	afi_file_queue(to, &copy->out);
	if (afi_op_wait(f, timeout) < 0)
		copy_finish(copy, -ENOMEM, 0);
	return f;
}

struct af_future *af_file_copy(struct af_file *from, struct af_file *to,
			       int64_t count, const struct timeval *timeout)
{
	return copy_start(from, to, count, false, timeout);
}

struct af_future *afi_copy_through(struct af_file *from, struct af_file *to)
{
	return copy_start(from, to, -1, true, NULL);
}
