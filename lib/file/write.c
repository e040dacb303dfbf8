/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes: as many bytes as possible at once, directly from the caller's buffer;
 * the rest from a copy, at each wake-up. libevent itself sends nothing, so the
 * count is exact, and nothing is sent after the outcome.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <event2/buffer.h>

#include "file/op.h"
#include "file/segments.h"

#define IOVECS_MAX 16

struct write_op {
	struct af_future future;
	struct afi_op op;
	const char *data; /* the bytes left; NULL: they are in future.buffer */
	size_t len;
	bool full;
	bool more; /* AFIO_MORE, where it makes a difference */
};

static struct write_op *write_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct write_op, future);
}

/* The flag is the file's, because a transport knows no operation. */
static ssize_t write_with_more(struct af_file *file, const struct iovec *iov,
			       int n)
{
	ssize_t r;

	file->more = true;
	r = file->transport->write(file, iov, n);
	file->more = false;
	return r;
}

static inline ssize_t write_once(struct write_op *op, struct af_file *file,
				 const struct iovec *iov, int n)
{
	ssize_t r = op->more ? write_with_more(file, iov, n)
			     : file->transport->write(file, iov, n);

	afi_file_note(file, r);
	return r;
}

static ssize_t write_some(struct write_op *op, struct af_file *file)
{
	struct iovec iov[IOVECS_MAX];
	int n = 1;

	if (op->data) {
		iov[0].iov_base = (void *)op->data;
		iov[0].iov_len = op->len;
	} else {
		n = evbuffer_peek(op->future.buffer, -1, NULL,
				  (struct evbuffer_iovec *)iov, IOVECS_MAX);
		n = n < IOVECS_MAX ? n : IOVECS_MAX;
	}
	return write_once(op, file, iov, n);
}

/* Draining may run a cleanup function of the program. */
static void write_count(struct write_op *op, size_t n)
{
	op->len -= n;
	op->future.count += n;
	if (op->data)
		op->data += n;
	else
		evbuffer_drain(op->future.buffer, n);
}

/* Bytes that a worker or a bufferevent has count as written. */
static size_t write_unqueue(struct write_op *op)
{
	size_t n = afi_file_unqueue(&op->op);

	op->len -= n;
	op->future.count += n;
	return n;
}

/* Ends one that has left the queue, n bytes of which were not drained. */
static void write_end(struct write_op *op, int error, size_t n)
{
	struct af_future *f = &op->future;

	if (op->data) {
		afi_future_finish(f, error);
		return;
	}
	af_future_ref(f);
	afi_future_finish(f, error);
	evbuffer_drain(f->buffer, n);
	af_future_unref(f);
}

static void write_finish(struct write_op *op, int error)
{
	write_end(op, error, write_unqueue(op));
}

/* The same outside of a step: those behind it are stepped. */
static void write_abort(struct write_op *op, int error)
{
	struct af_file *file = op->op.file;

	afi_file_hold(file);
	write_finish(op, error);
	if (!file->dead)
		afi_file_resume(file, AFI_WRITE);
	afi_file_let_go(file);
}

/* Writes what can be written now. 0: enough was; -EAGAIN; -errno. */
static int write_now(struct write_op *op, struct af_file *file)
{
	ssize_t r;

	while (op->len > 0) {
		r = write_some(op, file);
		if (op->future.done)
			return 0;
		if (r <= 0)
			return r < 0 ? (int)r : -EAGAIN;
		write_count(op, (size_t)r);
		if (!op->full || op->future.done)
			return 0;
		/* There is no room left: save the call that would fail. */
		if (op->len > 0 && op->data && file->transport->part_fills)
			return -EAGAIN;
		if (op->len > 0 && file->transport->always_ready &&
		    afi_loop_is_late(file->loop))
			return -EAGAIN;
	}
	return 0;
}

static int write_step(struct afi_op *queued)
{
	struct write_op *op = write_of(queued->future);
	int r = write_now(op, queued->file);

	if (r == -EAGAIN)
		r = afi_file_await(queued->file, AFI_WRITE);
	if (op->future.done)
		return 0;
	if (r == -EAGAIN)
		return -EAGAIN;
	write_finish(op, r);
	return 0;
}

/* Whether a write to the descriptor itself can be tried before it is queued. */
static inline bool write_can_try(const struct af_file *file)
{
	return file->transport->part_fills && !file->transport->always_ready &&
	       !file->careful && TAILQ_EMPTY(&file->ops[AFI_WRITE]) &&
	       !file->loop->held;
}

/* Waits, though it is the first in its queue and has been tried. */
static void write_wait(struct write_op *op, struct af_file *file)
{
	int r;

	afi_file_append(file, &op->op);
	r = afi_file_await(file, AFI_WRITE);
	if (r != -EAGAIN)
		write_finish(op, r);
}

/* Writes once, with nothing queued: 0: enough was; -EAGAIN; -errno. */
static inline int write_try(struct write_op *op, struct af_file *file)
{
	const struct iovec iov = { (void *)op->data, op->len };
	ssize_t r;

	if (op->len == 0)
		return 0;
	r = write_once(op, file, &iov, 1);
	if (r <= 0)
		return r < 0 ? (int)r : -EAGAIN;
	op->future.count = (size_t)r;
	op->data += r;
	op->len -= (size_t)r;
	/* Else there is no room left: the next call would fail. */
	return op->len == 0 || !op->full ? 0 : -EAGAIN;
}

static void write_cancel(struct af_future *f)
{
	write_abort(write_of(f), -ECANCELED);
}

static void write_expire(struct af_future *f)
{
	struct write_op *op = write_of(f);
	struct af_file *file = op->op.file;
	size_t n;

	afi_file_hold(file);
	n = write_unqueue(op);
	if (f->count > 0 && op->full && op->len > 0)
		f->flags = AFIO_TIMEDOUT;
	write_end(op, f->count > 0 ? 0 : -ETIMEDOUT, n);
	if (!file->dead)
		afi_file_resume(file, AFI_WRITE);
	afi_file_let_go(file);
}

static void write_describe(const struct af_future *f, FILE *out)
{
	afi_op_describe(f, out);
	fprintf(out, ", %zu bytes left",
		AFI_CONTAINER(f, struct write_op, future)->len);
}

static const struct afi_future_ops write_ops = {
	.name = "write",
	.size = sizeof(struct write_op),
	.cancel = write_cancel,
	.expire = write_expire,
	.progress = afi_op_progress,
	.describe = write_describe,
};

/* Copies what could not be written at once. */
static int write_keep_rest(struct write_op *op)
{
	struct af_future *f = &op->future;

	f->chunk = afi_chunk_get(&f->loop->pool, op->len);
	if (!f->chunk)
		return -ENOMEM;
	op->data = memcpy(f->chunk->data, op->data, op->len);
	return 0;
}

/* Queues a write, whose fields are set; tried: it could not be done at once. */
static struct af_future *write_queue(struct write_op *op, struct af_file *file,
				     unsigned flags, bool tried,
				     const struct timeval *timeout)
{
	struct af_future *f = &op->future;
	int r = 0;

	afi_op_init(&op->op, f, AFI_WRITE, write_step);
	if (tried)
		write_wait(op, file);
	else
		afi_file_queue(file, &op->op);
	if (f->done)
		return f;
	if (afi_timeout_zero(timeout) && !file->loop->held) {
		write_expire(f);
		return f;
	}
	if (op->data && !(flags & AFIO_BORROW))
		r = write_keep_rest(op);
	if (r == 0)
		r = afi_operation_wait(f, timeout);
	if (r < 0)
		write_abort(op, r);
	return f;
}

/*
 * Makes an operation that has nothing to write yet, or the failed future in
 * *ret_failed.
 */
static inline struct write_op *write_new(struct af_file *file, unsigned flags,
					 unsigned known,
					 const struct timeval *timeout,
					 struct af_future **ret_failed)
{
	int r = afi_op_check(file, AFI_WRITE, flags, known, timeout);
	struct af_future *f = NULL;
	struct write_op *op;

	if (r == 0) {
		f = afi_future_take(file->loop, &write_ops);
		r = f ? 0 : -ENOMEM;
	}
	if (r < 0) {
		*ret_failed = afi_op_failed(file, r);
		return NULL;
	}
	op = write_of(f);
	op->op.file = NULL;
	op->data = NULL;
	op->len = 0;
	op->full = flags & AFIO_FULL;
	/* It would join datagrams. */
	op->more = flags & AFIO_MORE && !file->is_message;
	return op;
}

/* Most end at once, and those need not be queued. */
struct af_future *af_file_write(struct af_file *file, const void *buf,
				size_t len, unsigned flags,
				const struct timeval *timeout)
{
	struct af_future *failed;
	struct write_op *op;
	bool tries;
	int r;

	if (!buf && len > 0)
		return afi_op_failed(file, -EINVAL);
	op = write_new(file, flags, AFIO_FULL | AFIO_BORROW | AFIO_MORE,
		       timeout, &failed);
	if (!op)
		return failed;
	op->data = len > 0 ? buf : "";
	op->len = len;
	tries = write_can_try(file);
	r = tries ? write_try(op, file) : -EAGAIN;
	if (r == -EAGAIN)
		return write_queue(op, file, flags, tries, timeout);
	afi_future_finish_new(&op->future, r);
	return &op->future;
}

struct af_future *af_file_write_buffer(struct af_file *file,
				       struct evbuffer *buf, unsigned flags,
				       const struct timeval *timeout)
{
	struct af_future *failed;
	struct write_op *op;
	int r = -ENOMEM;

	if (!buf)
		return afi_op_failed(file, -EINVAL);
	op = write_new(file, flags, AFIO_FULL | AFIO_MORE, timeout, &failed);
	if (!op)
		return failed;
	/* Callbacks and cleanup functions of buf run here, and later on. */
	file->careful = true;
	afi_file_hold(file);
	op->future.buffer = evbuffer_new();
	if (op->future.buffer) {
		op->len = evbuffer_get_length(buf);
		r = evbuffer_add_buffer(op->future.buffer, buf) ? -EINVAL : 0;
	}
	if (r == 0)
		r = afi_segments_load(op->future.buffer);
	/* A message must be sent by one call. */
	if (r == 0 && file->is_message && op->len > 0 &&
	    !evbuffer_pullup(op->future.buffer, -1))
		r = -ENOMEM;
	if (r == 0 && !file->attached)
		r = -ECANCELED;
	if (r == 0)
		write_queue(op, file, flags, false, timeout);
	else
		afi_future_finish(&op->future, r);
	afi_file_let_go(file);
	return &op->future;
}
