/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peek and unread: copies bytes from the front of a file's buffer, and inserts
 * bytes there.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "file/fill.h"
#include "file/op.h"

struct peek_op {
	struct af_future future;
	struct afi_op op;
	size_t size;
};

static struct peek_op *peek_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct peek_op, future);
}

static void peek_finish(struct peek_op *peek, int error, unsigned flags)
{
	struct af_future *f = &peek->future;
	struct af_file *file = peek->op.file;
	size_t n = file->in.len < peek->size ? file->in.len : peek->size;

	if (error == 0) {
		f->chunk = afi_chunk_get(&file->loop->pool, n);
		error = f->chunk ? 0 : -ENOMEM;
	}
	if (error == 0) {
		memcpy(f->chunk->data, afi_buffer_data(&file->in), n);
		f->chunk->data[n] = '\0';
		f->data = f->chunk->data;
		f->count = n;
		f->flags = flags;
	}
	afi_op_finish(&peek->op, error);
}

static bool peek_has_enough(const struct peek_op *peek,
			    const struct af_file *file)
{
	/* A message is read whole: there is no more of it. */
	return file->in.len >= peek->size ||
	       (file->is_message && file->in.len > 0);
}

static int peek_step(struct afi_op *op)
{
	struct peek_op *peek = peek_of(op->future);
	struct af_file *file = op->file;
	ssize_t r = 1;

	for (int fills = 0; r > 0 && !peek_has_enough(peek, file); fills++) {
		if (file->read_error) {
			r = file->read_error;
		} else if (file->eof) {
			r = 0;
		} else if (file->drained[AFI_READ] || fills == AFI_FILLS_MAX) {
			r = -EAGAIN;
		} else {
			r = afi_fill(file, peek->size);
			if (peek->future.done)
				return 0;
			file->eof = r == 0 && file->sticky_eof;
			/* The error stays, too: the next read reports it. */
			if (r < 0 && r != -EAGAIN && r != -ENOMEM &&
			    r != AFI_EMPTY)
				file->read_error = (int)r;
		}
	}
	if (r == AFI_EMPTY)
		r = -EAGAIN;
	if (r == -EAGAIN)
		r = afi_file_await(file, AFI_READ);
	if (peek->future.done)
		return 0;
	if (r == -EAGAIN)
		return -EAGAIN;
	if (r < 0 && file->in.len == 0)
		peek_finish(peek, (int)r, 0);
	else
		peek_finish(peek, 0,
			    r == 0  ? AFIO_EOF
			    : r < 0 ? AFIO_ERROR
				    : 0);
	return 0;
}

static void peek_end(struct af_future *f, int error, unsigned flags)
{
	struct af_file *file = peek_of(f)->op.file;

	peek_finish(peek_of(f), error, flags);
	afi_file_resume(file, AFI_READ);
}

static void peek_cancel(struct af_future *f)
{
	peek_end(f, -ECANCELED, 0);
}

static void peek_expire(struct af_future *f)
{
	struct af_file *file = peek_of(f)->op.file;
	bool first = afi_file_is_first(&peek_of(f)->op);

	af_future_ref(f);
	/* A busy program is late: take what has arrived by now. */
	if (first) {
		file->drained[AFI_READ] = false;
		afi_file_step(file, AFI_READ);
	}
	if (!f->done && first && file->in.len > 0)
		peek_end(f, 0, AFIO_TIMEDOUT);
	else if (!f->done)
		peek_end(f, -ETIMEDOUT, 0);
	af_future_unref(f);
}

static void peek_describe(const struct af_future *f, FILE *out)
{
	const struct peek_op *peek = AFI_CONTAINER(f, struct peek_op, future);

	afi_op_describe(f, out);
	fprintf(out, ", %zu bytes there", peek->op.file->in.len);
}

struct af_future *af_file_peek(struct af_file *file, size_t size,
			       const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "peek",
		.size = sizeof(struct peek_op),
		.cancel = peek_cancel,
		.expire = peek_expire,
		.describe = peek_describe,
	};
	int r = afi_op_check(file, AFI_READ, 0, 0, timeout);
	struct af_future *f;

	if (r == 0 && size == 0)
		r = -EINVAL;
	if (r == 0 && file->unbuffered)
		r = -ENOTSUP;
	f = afi_op_new(file, &ops, r);
	if (f->done)
		return f;
	peek_of(f)->size = size;
	afi_op_init(&peek_of(f)->op, f, AFI_READ, peek_step);
	afi_file_queue(file, &peek_of(f)->op);
	afi_op_limit(&peek_of(f)->op, timeout);
	return f;
}

int af_file_unread(struct af_file *file, const void *data, size_t len)
{
	int r = afi_op_check(file, AFI_READ, 0, 0, NULL);

	if (r == 0 && !data && len > 0)
		r = -EINVAL;
	if (r == 0 && !TAILQ_EMPTY(&file->ops[AFI_READ]))
		r = -EBUSY;
	if (r == 0 && len > PTRDIFF_MAX - 2 * file->in.len)
		r = -ENOMEM;
	if (r == 0 && file->transport->can_unread)
		r = file->transport->can_unread(file, len);
	if (r < 0 || len == 0)
		return r;
	return afi_buffer_prepend(&file->in, &file->loop->pool, data, len);
}
