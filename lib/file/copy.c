/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copying from a file to another: by splice or sendfile where the kernel can,
 * else through the source's own buffer, so that whatever ends it loses nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sigpipe.h"
#include "file/buffer.h"

/*
 * Moves in a row before others get their turn, as many turns when there will be
 * no other one, and bytes to ask for in one move.
 */
#define MOVES_MAX 16
#define SPLICE_MAX (1 << 20)

struct copy_op {
	struct af_future future;
	struct afi_op in;  /* in the queue of reads */
	struct afi_op out; /* in the queue of writes */
	off_t left;	   /* negative: all */
	bool in_kernel;	   /* without our seeing the bytes, while it can */
	bool moved_less;   /* than it might have, the last time */
};

static struct copy_op *of_future(struct af_future *f)
{
	return (struct copy_op *)f;
}

static bool is_first(const struct afi_op *op)
{
	struct af_file *file = op->file;

	/* Whatever is left of a file that is being closed will be cancelled. */
	return file && !file->closing &&
	       TAILQ_FIRST(&file->ops[op->direction]) == op;
}

static size_t at_most(const struct copy_op *copy, size_t n)
{
	return copy->left >= 0 && (size_t)copy->left < n ? (size_t)copy->left
							 : n;
}

static ssize_t wait_for(struct af_file *file, enum afi_direction direction)
{
	return afi_file_want(file, direction) ?: -EAGAIN;
}

/* Bytes that were read already. */
static ssize_t move_buffered(struct copy_op *copy)
{
	struct af_file *from = copy->in.file, *to = copy->out.file;
	struct iovec iov = {
		.iov_base = from->in->data + from->start,
		.iov_len = at_most(copy, from->len),
	};
	ssize_t r = to->transport->write(to, &iov, 1);

	if (r == -EAGAIN || r == 0)
		return wait_for(to, AFI_WRITE);
	if (r > 0)
		afi_consume(from, (size_t)r);
	return r;
}

#ifdef HAVE_SPLICE
/* Whether the kernel can be told never to wait for this one. */
static bool never_waits(const struct af_file *file)
{
	int mode;

	/*
	 * That a terminal was left, on either side, does not look like it; and
	 * messages must not be joined.
	 */
	if (file->is_foreign || file->is_tty || file->is_message)
		return false;
	if (!file->is_socket)
		return true;
	/* It takes no flag here for what recv(2) has MSG_DONTWAIT for. */
	mode = fcntl(file->fd, F_GETFL);
	return mode >= 0 && mode & O_NONBLOCK;
}

/* Which of the two could not. */
static ssize_t wait_for_either(struct af_file *from, struct af_file *to)
{
	struct pollfd out = { .fd = to->fd, .events = POLLOUT };

	/* What is always ready is not what we wait for. */
	if (!from->is_disk && poll(&out, 1, 0) == 1)
		return wait_for(from, AFI_READ);
	return wait_for(to, AFI_WRITE);
}

/* To or from a pipe, or from a disk to a socket; -EINVAL: neither. */
static ssize_t kernel_moves(struct af_file *from, struct af_file *to,
			    size_t len)
{
	struct afi_sigpipe_hold hold;
	bool cut_short;
	ssize_t r;

	/* Neither has a flag against the signal. */
	afi_sigpipe_hold(&hold);
	do {
		if (from->is_disk && to->is_socket)
			r = sendfile(to->fd, from->fd, NULL, len);
		else
			r = splice(from->fd, NULL, to->fd, NULL, len,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		r = r < 0 ? -errno : r;
	} while (r == -EINTR);
	/* They send piece by piece: what went before the signal is the result. */
	cut_short = to->is_socket && r > 0 && (size_t)r < len;
	afi_sigpipe_release(&hold, cut_short ? -EPIPE : (int)(r < 0 ? r : 0));
	if (r == 0 && from->is_fifo && afi_fifo_is_early(from->fd))
		return -EAGAIN;
	return r == -ECONNRESET && to->is_socket ? -EPIPE : r;
}

static ssize_t move_in_kernel(struct copy_op *copy)
{
	struct af_file *from = copy->in.file, *to = copy->out.file;
	ssize_t len = (ssize_t)at_most(copy, SPLICE_MAX), r;

	/* One was empty or the other full: do not ask to be told so. */
	if (copy->moved_less) {
		copy->moved_less = false;
		return wait_for_either(from, to);
	}
	if (from->transport->prepare)
		len = from->transport->prepare(from, (size_t)len);
	if (len < 0)
		return len == -EAGAIN ? wait_for(from, AFI_READ) : len;
	r = kernel_moves(from, to, (size_t)len);
	if (r == 0)
		from->eof = from->sticky_eof;
	copy->moved_less = r > 0 && r < len;
	return r == -EAGAIN ? wait_for_either(from, to) : r;
}
#endif

/*
 * Moves some bytes, or finds out what there is to wait for. Bytes written, 0
 * at the end, or a negative errno.
 */
static ssize_t move_some(struct copy_op *copy)
{
	struct af_file *from = copy->in.file;
	ssize_t r;

	if (from->len > 0)
		return move_buffered(copy);
	if (from->read_error || from->eof) {
		r = from->read_error;
		from->read_error = 0;
		return r;
	}
	if (from->drained[AFI_READ])
		return wait_for(from, AFI_READ);
#ifdef HAVE_SPLICE
	if (copy->in_kernel && from->transport->held(from) == 0) {
		r = move_in_kernel(copy);
		if (r != -EINVAL && r != -ENOSYS)
			return r;
		/* Neither end is a pipe, or a file system cannot. */
		copy->in_kernel = false;
	}
#endif
	r = afi_fill(from, at_most(copy, AFI_CHUNK_SIZE));
	if (r == -EAGAIN || r == AFI_EMPTY)
		return wait_for(from, AFI_READ);
	if (r == 0)
		from->eof = from->sticky_eof;
	return r > 0 ? move_buffered(copy) : r;
}

/*
 * What a worker is writing, or a bufferevent of the program took, counts as
 * written, and is not there any more.
 */
static void commit(struct copy_op *copy)
{
	size_t n = afi_file_commit(&copy->out);

	if (n == 0)
		return;
	afi_consume(copy->in.file, n);
	copy->future.count += n;
	if (copy->left > 0)
		copy->left -= (off_t)n;
}

/* Leaves both queues, and lets those behind it have their turn. */
static void finish(struct copy_op *copy, int error, unsigned flags)
{
	struct af_file *from = copy->in.file, *to = copy->out.file;

	commit(copy);
	afi_file_remove(&copy->in);
	afi_file_remove(&copy->out);
	copy->future.flags = flags;
	afi_future_finish(&copy->future, error);
	afi_file_resume(from, AFI_READ);
	afi_file_resume(to, AFI_WRITE);
}

static int copy_step(struct afi_op *op)
{
	struct copy_op *copy = of_future(op->future);
	ssize_t r = 1;

	if (!is_first(&copy->in) || !is_first(&copy->out))
		return -EAGAIN;
	for (int moves = 0; copy->left != 0 && r > 0; moves++) {
		if (moves == MOVES_MAX)
			r = wait_for(copy->out.file, AFI_WRITE);
		else
			r = move_some(copy);
		if (r > 0)
			copy->future.count += (size_t)r;
		if (r > 0 && copy->left > 0)
			copy->left -= r;
	}
	if (r == -EAGAIN)
		return -EAGAIN;
	finish(copy, r < 0 ? (int)r : 0, r == 0 ? AFIO_EOF : 0);
	return 0;
}

static void copy_cancel(struct af_future *f)
{
	finish(of_future(f), -ECANCELED, 0);
}

/*
 * Takes what has come by now, as a busy program is late; but there are sources
 * that never run dry.
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
		 ++turns < MOVES_MAX);
}

static void copy_expire(struct af_future *f)
{
	struct copy_op *copy = of_future(f);

	af_future_ref(f);
	if (is_first(&copy->in) && is_first(&copy->out))
		copy_rest(copy);
	if (!f->done) {
		commit(copy);
		if (f->count == 0)
			finish(copy, -ETIMEDOUT, 0);
		else
			finish(copy, 0, copy->left == 0 ? 0 : AFIO_TIMEDOUT);
	}
	af_future_unref(f);
}

static void copy_describe(const struct af_future *f, FILE *out)
{
	const struct copy_op *copy = (const struct copy_op *)f;

	fprintf(out, " fd %d to fd %d", copy->in.file->user_fd,
		copy->out.file->user_fd);
}

static const struct afi_future_ops copy_ops = {
	.name = "copy",
	.size = sizeof(struct copy_op),
	.cancel = copy_cancel,
	.expire = copy_expire,
	.describe = copy_describe,
};

/* It would read what it wrote, for ever. */
static bool is_endless(const struct af_file *from, const struct af_file *to)
{
	return from == to && (from->is_disk || from->is_fifo);
}

struct af_future *af_file_copy(struct af_file *from, struct af_file *to,
			       off_t count, const struct timeval *timeout)
{
	struct af_loop *loop = from ? from->loop : NULL;
	int r = afi_file_check(from, AFI_READ, 0, 0, timeout);
	struct copy_op *copy;
	struct af_future *f;

	if (r == 0)
		r = afi_file_check(to, AFI_WRITE, 0, 0, timeout);
	if (r == 0 && (from->loop != to->loop || is_endless(from, to)))
		r = -EINVAL;
	if (r < 0)
		return afi_future_failed(loop, r);
	f = afi_operation_new(loop, &copy_ops);
	if (!f)
		return afi_future_failed(loop, -ENOMEM);
	copy = of_future(f);
	copy->left = count;
#ifdef HAVE_SPLICE
	/* A write to a disk would have to wait for it. */
	copy->in_kernel = never_waits(from) && never_waits(to) && !to->is_disk;
#endif
	copy->in = (struct afi_op){ .direction = AFI_READ,
				    .step = copy_step,
				    .future = f };
	copy->out = (struct afi_op){ .direction = AFI_WRITE,
				     .step = copy_step,
				     .future = f };
	afi_file_start(from, &copy->in);
	afi_file_start(to, &copy->out);
	if (afi_future_limit(f, timeout) < 0)
		finish(copy, -ENOMEM, 0);
	return f;
}
